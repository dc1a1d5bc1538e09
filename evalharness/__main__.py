"""`python -m evalharness` is `evalh`."""

from evalharness.cli import main

main()
