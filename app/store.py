"""A least-recently-used store bounded by the size of what it holds."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Store(Generic[T]):
    """Thread-safe; drops the least recently used until `size` of all items fits `most`. The newest always stays."""

    def __init__(self, most: int, size: Callable[[T], int] = lambda item: 1):
        self._most, self._size = most, size
        self._items: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        """The item, now the most recently used; None when there is none."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: Hashable, item: T) -> T:
        """Keep an item, dropping old ones to make room; returns it."""
        with self._lock:
            self._items[key] = item
            self._items.move_to_end(key)
            total = sum(map(self._size, self._items.values()))
            while total > self._most and len(self._items) > 1:
                total -= self._size(self._items.popitem(last=False)[1])
        return item

    def __len__(self) -> int:
        return len(self._items)
