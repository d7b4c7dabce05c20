"""How each task is judged. A module here has ``parts(package)``: the verdicts, one by one."""
