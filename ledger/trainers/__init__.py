"""Training on a release, and asking what was trained. The only importer of torch, transformers, trl, peft, unsloth."""
