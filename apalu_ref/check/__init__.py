"""Is an implementation of APALU right, and if not, what exactly is wrong with it?

:func:`check` runs the probes and returns a :class:`Report`; ``apalu-ref check`` is the same
on the command line. :func:`reproduce` runs one probe again in the calling process.
"""

from apalu_ref.check.report import Finding, Report
from apalu_ref.check.reproduce import reproduce
from apalu_ref.check.run import check
from apalu_ref.check.subject import SubjectError

__all__ = ["Finding", "Report", "SubjectError", "check", "reproduce"]
