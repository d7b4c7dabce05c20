"""Data sets as plain NumPy arrays.

Small ones come with the package; full ones are read from the folder that the environment
variable ``APALU_REF_DATA`` names, in their official formats. Every known file is verified by
its sha256. ``apalu-ref data`` lists the sets, ``apalu-ref data fetch`` downloads some.

>>> from apalu_ref import datasets
>>> train = datasets.load("fashion-mnist", split="train", source="bundled")
>>> train.images.dtype, train.images.shape, train.labels[:4], train.classes[3]
(dtype('uint8'), (1000, 1, 28, 28), array([9, 0, 0, 3]), 'Dress')
>>> train.facts()["source"]
'bundled'
"""

from apalu_ref.datasets.anomalies import magnetic_tile, textures
from apalu_ref.datasets.errors import DatasetError, MissingDataError
from apalu_ref.datasets.files import read_cifar10, read_idx, read_npz, read_png
from apalu_ref.datasets.folders import read_defects
from apalu_ref.datasets.images import cifar10, digits, fashion_mnist, mnist, sign_digits
from apalu_ref.datasets.loaded import Defects, Images, Loaded, Sequences, Series, Table
from apalu_ref.datasets.numbers import auto_mpg, concrete, libras, stocks, yacht
from apalu_ref.datasets.sets import load
from apalu_ref.datasets.tables import read_matrix, read_table

__all__ = [
    "DatasetError",
    "Defects",
    "Images",
    "Loaded",
    "MissingDataError",
    "Sequences",
    "Series",
    "Table",
    "auto_mpg",
    "cifar10",
    "concrete",
    "digits",
    "fashion_mnist",
    "libras",
    "load",
    "magnetic_tile",
    "mnist",
    "read_cifar10",
    "read_defects",
    "read_idx",
    "read_matrix",
    "read_npz",
    "read_png",
    "read_table",
    "sign_digits",
    "stocks",
    "textures",
    "yacht",
]
