# SPDX-License-Identifier: BSD-2-Clause
"""The system composer: checks a system description completely and turns it into the table that init
carries out (doc/system-description.md). Each mistake is reported with file and line."""

from .document import Mistakes, parse
from .description import read
from .image import compose
from .symbols import compact

__all__ = ["Mistakes", "compact", "compose", "parse", "read"]
