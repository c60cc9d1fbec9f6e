"""Speed against peers: `make bench` prints a table and writes JSON. Nothing here is a test."""
