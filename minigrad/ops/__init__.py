"""The derivative table, by family. Importing it fills ``core.RULES``."""

from minigrad.ops.conv import *  # noqa: F403
from minigrad.ops.elementwise import *  # noqa: F403
from minigrad.ops.index import *  # noqa: F403
from minigrad.ops.linalg import *  # noqa: F403
from minigrad.ops.pool import *  # noqa: F403
from minigrad.ops.reduce import *  # noqa: F403
from minigrad.ops.shape import *  # noqa: F403
