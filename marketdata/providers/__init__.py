"""Where bars can be had from without a file."""
