"""Smoke packs: small sets of questions with short answers, in the schema of TQB++.

`item` knows the schema and its hashes, `reading` and `checking` find every violation in a file, `pack` loads one and
makes a suite of it. A new pack is written by a model: `request` says what it is asked, `author` asks it, `answer` reads
what came back, `language` and `duplicates` judge it, `draft` keeps it, and `generate` goes on until the pack is full.
"""
