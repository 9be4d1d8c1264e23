"""The version of this program, as recorded in runs and manifests."""

VERSION = "0.1.0"
