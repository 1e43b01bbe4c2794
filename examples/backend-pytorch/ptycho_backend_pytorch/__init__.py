"""A backend of ptycho that computes with PyTorch. Read backend.py, then session.py, then the operations."""

from ptycho_backend import Backend, serve


def main() -> None:
    """main is the program ptycho-backend-pytorch."""
    serve(_make, name="pytorch")


def _make() -> Backend:
    from .backend import TorchBackend  # imports PyTorch, which takes seconds

    return TorchBackend()
