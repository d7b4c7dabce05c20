"""``python -m apalu_ref.vectors`` writes the file of vectors that the package ships."""

from apalu_ref.vectors import PATH, dumps, regenerate
from minigrad.checkpoint import write_atomically

if __name__ == "__main__":
    write_atomically(PATH, dumps(regenerate()).encode("ascii"))
