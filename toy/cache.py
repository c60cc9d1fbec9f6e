"""JAX's persistent compilation cache: a program compiled once starts at once the next time."""

from pathlib import Path

import jax
from platformdirs import user_cache_dir


def use_compilation_cache() -> None:
    """Keep compiled functions in the user's cache folder."""
    folder = Path(user_cache_dir("dimple-lab", appauthor=False)) / "jax"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
