"""Home: the only composition root, and the only reader of the environment."""

from __future__ import annotations

from pushvar.app.forwarder import Forwarder
from pushvar.app.preview import Preview, preview
from pushvar.app.world import World, real_world

__all__ = ["Forwarder", "Preview", "World", "preview", "real_world"]
