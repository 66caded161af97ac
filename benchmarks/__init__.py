"""Speed as ratios against named yardsticks, never as timed tests; `make bench` runs them all."""
