"""Exempla: build constitutional character-training corpora, audit their values, measure their eval distance."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("exempla")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
