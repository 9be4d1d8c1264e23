#!/usr/bin/env bash
# Train on one CUDA machine, with TRL and with Unsloth, from clean environments, and note time, memory and the order.
#
#   bench/gpu_train.sh [MODEL]        MODEL: the folder of a small open model with its tokenizer (Qwen2.5-0.5B, say);
#                                     without it one with random weights of Qwen2's shape is made: 494 million of them.
#
# It needs: Linux with one NVIDIA GPU and its driver (nvidia-smi), Python 3.11 or newer with venv, about 25 GB of disk
# for two environments, and either a network for pip or PIP_FIND_LINKS/PIP_NO_INDEX set to a folder of wheels. It is
# written for a card of 24 GB: LoRA of rank 16, batches of 4 rows, 1,024 tokens, half precision. Half a billion weights
# take a few GB; for 7 billion give UNSLOTH_4BIT=1 and look at the memory that is told.
#
#   WORK=FOLDER    where everything goes (else gpu-train here); environments that are there are used again
#   STEPS=N        steps of each training (60)
#   DATA=FILES     JSONL to ingest (else the slices in tests/data/toolset)
#   TORCH=SPEC     what pip installs first (torch==2.13.0); Unsloth chooses its own
#   BACKENDS=LIST  "trl unsloth"
#
# Each training leaves a folder and a line in $WORK/results.jsonl: backend, method, state, seconds, peak memory, whether
# the order held (null where no step was taken, so that nothing says it), versions. A refusal (exit code 82: rows dropped
# or moved) or a failure is a line too, and the script goes on; it ends with 1 if any training did not finish.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${WORK:-"$PWD/gpu-train"}
steps=${STEPS:-60}
backends=${BACKENDS:-"trl unsloth"}
python=${PYTHON:-python3}
export HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 TOKENIZERS_PARALLELISM=false

command -v nvidia-smi >/dev/null || {
  echo "There is no nvidia-smi here: this needs a machine with an NVIDIA GPU." >&2
  exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; name one with PYTHON=." >&2
  exit 1
}
mkdir -p "$work"
work=$(cd "$work" && pwd)
results="$work/results.jsonl"
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv | tee "$work/gpu.csv"

environment() { # BACKEND: an environment of its own, as the two hold their packages at unlike versions
  local folder="$work/venv-$1"
  if [ ! -e "$folder/.done" ]; then
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --upgrade pip
    if [ "$1" = trl ]; then
      "$folder/bin/python" -m pip install --quiet "${TORCH:-torch==2.13.0}"
      "$folder/bin/python" -m pip install --quiet "$here[train]"
    else
      "$folder/bin/python" -m pip install --quiet "$here[unsloth]"
    fi
    touch "$folder/.done"
  fi
}

random_model() { # BACKEND FOLDER: Qwen2's shape with random weights, and a tokenizer of the rows' own words
  "$work/venv-$1/bin/python" - "$work/kto.jsonl" "$2" <<'PYTHON'
import sys
from pathlib import Path

import torch
import transformers

from ledger.trainers.tiny import make_tiny

rows, folder = Path(sys.argv[1]), Path(sys.argv[2])
make_tiny(rows, folder)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
torch.manual_seed(0)
config = transformers.Qwen2Config(
    vocab_size=151_936,
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    max_position_embeddings=4096,
    tie_word_embeddings=True,
    bos_token_id=None,
    eos_token_id=tokenizer.eos_token_id,
    pad_token_id=tokenizer.pad_token_id,
)
transformers.Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
PYTHON
}

note() { # BACKEND METHOD CODE: one line of results, from what the run's folder says
  "$python" - "$1" "$2" "$3" "$work/run-$1-$2/trained.json" <<'PYTHON' | tee -a "$results"
import json
import sys
from pathlib import Path

backend, method, code, file = sys.argv[1:]
told = json.loads(Path(file).read_text()) if Path(file).exists() else {}
# The order is looked at after the trainer was built and before its first step: without one, nobody knows.
held = False if int(code) == 82 else True if told.get("steps") else None
line = {"backend": backend, "method": method, "exit_code": int(code), "order_held": held}
line |= {name: told.get(name) for name in ("state", "failure", "steps", "seconds", "device", "peak_bytes", "versions")}
line["loss"] = told.get("metrics", {}).get("train_loss")
print(json.dumps(line))
PYTHON
}

first=${backends%% *}
for backend in $backends; do environment "$backend"; done
ledger() { "$work/venv-$first/bin/ledger" --ledger "$work/ledger.db" "$@"; }

if [ ! -e "$work/ledger.db" ]; then
  ledger init
  # shellcheck disable=SC2086 # DATA is a list of files
  ledger ingest ${DATA:-"$here/tests/data/toolset/poor.jsonl" "$here/tests/data/toolset/enhanced.jsonl"} --campaign gpu
fi
ledger project kto-interleaved -o "$work/kto.jsonl" --batch-size 4 --max-length 1024 --no-gates --overwrite
ledger project sft -o "$work/sft.jsonl" --no-gates --overwrite
ledger project dpo -o "$work/dpo.jsonl" --no-gates --overwrite

model=${1:-"$work/model"}
[ -e "$model/config.json" ] || random_model "$first" "$model"

settings() { # BACKEND: what is the same for both, and what is Unsloth's
  printf 'max_steps = %s\nlora_r = 16\nmax_length = 1024\nper_device_train_batch_size = 4\n' "$steps"
  printf 'gradient_checkpointing = true\nbf16 = true\nlogging_steps = 1\nsave_steps = 1000\n'
  if [ "$1" = unsloth ] && [ -n "${UNSLOTH_4BIT:-}" ]; then printf 'load_in_4bit = true\n'; fi
}

failed=0
for backend in $backends; do
  settings "$backend" >"$work/$backend.toml"
  for method in kto sft dpo; do
    rm -rf "$work/run-$backend-$method"
    echo "== $method with $backend"
    code=0
    "$work/venv-$backend/bin/ledger" --ledger "$work/ledger.db" train "$method" --backend "$backend" \
      --release "$work/$method.jsonl.manifest.json" --model "$model" --config "$work/$backend.toml" \
      -o "$work/run-$backend-$method" || code=$?
    note "$backend" "$method" "$code"
    [ "$code" = 0 ] || failed=1
  done
done
echo "Every line of this run stands in $results."
exit "$failed"
