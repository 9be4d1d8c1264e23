"""Tests against the real trainers: `make test-train`, in an environment with torch and trl."""
