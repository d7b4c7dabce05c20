"""Every data set: what it is, its licence, where it comes from, and the sha256 of its files."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import NamedTuple

# sha256, length in bytes, path: under bundled/ in this package.
_BUNDLED = """
7de0ecb3489c54523818af3daa65115dd87cc3737ad007b93ec31a74536787a7 17444 auto-mpg/auto-mpg.csv
09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22 57523 digits/digits.csv.gz
3c88b8be527344a6efb841f98b5a982cef03b5431094decc50a62edee4cb07fa 86435 fashion-mnist/t10k-images-idx3-ubyte.gz
590130616f36b848d635fe9268a15b8c78263e438485920908a456af6b646cb2 132 fashion-mnist/t10k-labels-idx1-ubyte.gz
cb5e51a566f2aca42eeb3c302b4cd5568d9fc4668ce325bc06f513eb6e5b3eec 433351 fashion-mnist/train-images-idx3-ubyte.gz
c7753bcc1c5b772b1445314782d2cdcb4ead8885025bcd54ef8e59ad3feba0f8 522 fashion-mnist/train-labels-idx1-ubyte.gz
96f185a5b4e7780bdf0056a653bd5ee46db48a46af79c379426b8c249191e4cf 59588 libras/movement_libras.data.gz
af1d3e2d86b396cf2bff7378fbb0b0552ffa895e30f5fb8c630cefa9273135b3 32292 mnist/t10k-images-idx3-ubyte.gz
bc7eef4ba51162963eaa9c452e87c54799ee8eff54e2abcc7777ba7b6197c686 132 mnist/t10k-labels-idx1-ubyte.gz
3e748ad1b9bf56360bcf3bcf7f858416d88a6655987bf06c2dbeb635e9fc7b1a 163339 mnist/train-images-idx3-ubyte.gz
b5535f8101534c46e7a202edb80de981805798140096637ceb6cf08309a84d39 518 mnist/train-labels-idx1-ubyte.gz
ca5d554492ef53136f3cc4cd9412d86596be6d0e2117686f0f632480591c4d31 231633 stocks/stocks_aapl_ibm_msft.csv.gz
7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf 106634 textures/brick.png
b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89 217893 textures/grass.png
c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12 194247 textures/gravel.png
"""  # noqa: E501

# The same, in the data directory. CIFAR-10 twice: the official files, and a subset of them.
_FULL = """
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 1648877 mnist/t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 4542 mnist/t10k-labels-idx1-ubyte.gz
440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 9912422 mnist/train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c 28881 mnist/train-labels-idx1-ubyte.gz
346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073 4422102 fashion-mnist/t10k-images-idx3-ubyte.gz
67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5 5148 fashion-mnist/t10k-labels-idx1-ubyte.gz
3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84 26421880 fashion-mnist/train-images-idx3-ubyte.gz
a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845 29515 fashion-mnist/train-labels-idx1-ubyte.gz
cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5 30730000 cifar-10-batches-bin/data_batch_1.bin
a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed 30730000 cifar-10-batches-bin/data_batch_2.bin
bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67 30730000 cifar-10-batches-bin/data_batch_3.bin
014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48 30730000 cifar-10-batches-bin/data_batch_4.bin
755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add 30730000 cifar-10-batches-bin/data_batch_5.bin
8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b 30730000 cifar-10-batches-bin/test_batch.bin
0993cf8b8e43bc207603aef9787006995746513f5e3fa5a52e06d1b069926330 12292000 cifar10-lossless-subset/cifar-10-batches-bin/data_batch_1.bin
8314c96d7cd65618193bab23acdd5d4c4af15bf6dd00a1781d55beedf3be1ef5 3073000 cifar10-lossless-subset/cifar-10-batches-bin/test_batch.bin
9177ab9c7304096022952729e4246028283d9c0fb899eb0f6f85ca3423f6f6ce 256303 sign-language/movement_libras.data
0d86daa1cfa0f1564f39f8cf1090f26d18f3b8f0de7883106154ac832bfc1d44 1759199 sign-language/sign_digits_32x32.npz
37bf7b75820eb1411977020bde4ab38e36863bc48c806f0344fce4a2e1cf9a26 6309620 sign-language/sign_digits_64x64.npz
7de0ecb3489c54523818af3daa65115dd87cc3737ad007b93ec31a74536787a7 17444 regression/auto-mpg.csv
daba1955a29f10d91588070c86cb54e449ce74afcf5a631cfc108047a5f20e0e 48675 regression/concrete.csv
02b84a72685713a75e9830ef8e73cf63386134b02e721131967cccb7f7724bed 11528 regression/yacht.csv
09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22 57523 regression/digits.csv.gz
5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd 294246 regression/stocks.csv.gz
"""  # noqa: E501

# Of whole folders in the data directory: the sha256 of the text made of one line
# "sha256  path\n" for each file, the paths taken from the data directory and sorted.
FOLDERS = {
    "mtd96/": "76e64bed92cf7c9de2012e55cfacb151dc4ebfe3e3a63d4c8cde2fb98910c847",
    "texture_ad/": "571d0f11f790fbd8f61630e1e029c8cdaba04c3f76076ee90d466618a61be115",
}


class File(NamedTuple):
    """A known file: its path, its length in bytes and its sha256."""

    path: str
    size: int
    sha256: str


def _files(table: str, prefix: str) -> tuple[File, ...]:
    rows = (line.split(" ", 2) for line in table.strip().splitlines())
    return tuple(
        File(path, int(size), sha256)
        for sha256, size, path in rows
        if prefix and path.startswith(prefix)
    )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One data set.

    Attributes
    ----------
    name, title, licence : str
    page : str
        Where its authors publish it.
    may_be_redistributed : bool
    bundled, full, subset : str
        The start of the paths of its files, under ``bundled/``, and in the data directory;
        a folder of :data:`FOLDERS` is verified as a whole.
    bundled_holds, full_holds : str
        What is in them.
    official : bool
        The files are the publisher's own, so any other content is an error. The others were
        converted; a file with other content is read, and said to be not verified.
    partial : bool
        Fewer files, or shorter ones, are accepted and called a subset.
    url : str
        Where the files can be downloaded: the address before a file's name, or that of
        an archive (.tar.gz).
    archive : File or None
        What the archive at ``url`` must be.
    by_hand : str
        How to make the full set from what ``page`` offers, where nothing can be downloaded.
    """

    name: str
    title: str
    licence: str
    page: str
    full: str
    full_holds: str
    may_be_redistributed: bool = True
    bundled: str = ""
    bundled_holds: str = ""
    subset: str = ""
    official: bool = False
    partial: bool = False
    url: str = ""
    archive: File | None = None
    by_hand: str = ""

    @property
    def how(self) -> str:
        """How to get the full set."""
        return (
            f"Download it: apalu-ref data fetch {self.name} --to DIR" if self.url else self.by_hand
        )

    @property
    def path(self) -> str:
        """The file or folder of the full set, in the data directory."""
        return posixpath.commonpath([file.path for file in self.full_files] or [self.full])

    @property
    def bundled_files(self) -> tuple[File, ...]:
        """The files that come with the package."""
        return _files(_BUNDLED, self.bundled)

    @property
    def full_files(self) -> tuple[File, ...]:
        """The files of the whole set; none if it is a folder of pictures."""
        return _files(_FULL, self.full)

    @property
    def subset_files(self) -> tuple[File, ...]:
        """The files of a known subset."""
        return _files(_FULL, self.subset)


_CC_BY = "CC BY 4.0 (as the UCI repository gives it)"
_UCI = "https://archive.ics.uci.edu/dataset/"

_ENTRIES = (
    Entry(
        name="mnist",
        title="handwritten digits, grey, 28 x 28, 10 classes",
        licence="CC BY-SA 3.0 (as the Keras and TensorFlow documentation states)",
        page="http://yann.lecun.com/exdb/mnist/",
        bundled="mnist/",
        bundled_holds="100 training and 20 test images of each class",
        full="mnist/",
        full_holds="60,000 training and 10,000 test images",
        official=True,
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    Entry(
        name="fashion-mnist",
        title="articles of clothing, grey, 28 x 28, 10 classes",
        licence="MIT",
        page="https://github.com/zalandoresearch/fashion-mnist",
        bundled="fashion-mnist/",
        bundled_holds="100 training and 20 test images of each class",
        full="fashion-mnist/",
        full_holds="60,000 training and 10,000 test images",
        official=True,
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    Entry(
        name="cifar10",
        title="photographs, RGB, 32 x 32, 10 classes",
        licence="none given; cite Krizhevsky 2009",
        may_be_redistributed=False,
        page="https://www.cs.toronto.edu/~kriz/cifar.html",
        full="cifar-10-batches-bin/",
        full_holds="50,000 training and 10,000 test images (binary version)",
        subset="cifar10-lossless-subset/",
        official=True,
        partial=True,
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        archive=File(
            "cifar-10-binary.tar.gz",
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
    ),
    Entry(
        name="libras",
        title="hand movements of Brazilian sign language, 45 frames of (x, y), 15 classes",
        licence=_CC_BY,
        page=_UCI + "181/libras+movement",
        bundled="libras/",
        bundled_holds="the whole set: 360 sequences, 330 of them different",
        full="sign-language/movement_libras.data",
        full_holds="the same",
        by_hand="Not needed: the whole set comes with the package",
    ),
    Entry(
        name="sign-digits",
        title="photographs of hands that show the digits 0 to 9, grey, 32 x 32 or 64 x 64",
        licence="Apache-2.0, copyright 2017 Arda Mavi",
        page="https://github.com/ardamavi/Sign-Language-Digits-Dataset",
        full="sign-language/sign_digits_",
        full_holds="2062 images",
        by_hand="Turn the pictures grey, shrink them, and keep both sizes with np.savez as "
        "sign_digits_32x32.npz and sign_digits_64x64.npz: images (uint8, N x size x size), "
        "labels and signer_inferred (one number a person)",
    ),
    Entry(
        name="auto-mpg",
        title="fuel consumption of 392 cars from 7 features",
        licence="CC0 1.0 (as bokeh_sampledata declares); CC BY 4.0 (UCI repository)",
        page=_UCI + "9/auto+mpg",
        bundled="auto-mpg/",
        bundled_holds="the whole set: 392 rows",
        full="regression/auto-mpg.csv",
        full_holds="the same",
        by_hand="Not needed: the whole set comes with the package",
    ),
    Entry(
        name="concrete",
        title="compressive strength of concrete from its composition and age, 8 features",
        licence=_CC_BY,
        page=_UCI + "165/concrete+compressive+strength",
        full="regression/concrete.csv",
        full_holds="1030 rows",
        by_hand="Keep the table as CSV under the header cement,slag,fly_ash,water,"
        "superplasticizer,coarse_aggregate,fine_aggregate,age,strength",
    ),
    Entry(
        name="yacht",
        title="resistance of sailing yachts from the shape of the hull, 6 features",
        licence=_CC_BY,
        page=_UCI + "243/yacht+hydrodynamics",
        full="regression/yacht.csv",
        full_holds="308 rows",
        by_hand="Keep the table as CSV under the header lcb,prismatic_coefficient,"
        "length_displacement,beam_draught,length_beam,froude,residuary_resistance",
    ),
    Entry(
        name="digits",
        title="handwritten digits, 17 levels, 8 x 8, 10 classes",
        licence=f"data {_CC_BY}; file BSD-3-Clause (scikit-learn)",
        page=_UCI + "80/optical+recognition+of+handwritten+digits",
        bundled="digits/",
        bundled_holds="the whole set of scikit-learn: 1797 images",
        full="regression/digits.csv.gz",
        full_holds="the same",
        by_hand="Not needed: the whole set comes with the package",
    ),
    Entry(
        name="stocks",
        title="daily prices of stocks, 2000-03-01 to 2013-03-01",
        licence="public domain (Quandl WIKI Prices)",
        page="https://pypi.org/project/bokeh-sampledata/",
        bundled="stocks/",
        bundled_holds="AAPL, IBM and MSFT, 3270 days each",
        full="regression/stocks.csv.gz",
        full_holds="these, GOOG (2148 days) and FB (196 days)",
        by_hand="Join the tables of the tickers under the header "
        "Ticker,Date,Open,High,Low,Close,Volume,Adj Close and compress with gzip",
    ),
    Entry(
        name="magnetic-tile",
        title="surfaces of magnetic tiles with 5 kinds of defect, grey, 96 x 96",
        licence='no licence file ("It is welcomed to use our dataset"); cite Huang et al. 2018',
        may_be_redistributed=False,
        page="https://github.com/abin24/Magnetic-tile-defect-datasets.",
        full="mtd96/",
        full_holds="761 good images to train on; 191 good and 392 with defects to test on",
        by_hand="Shrink the pictures and lay them out in mtd96/magnetic_tile as in MVTec AD: "
        "train/good, test/good, test/KIND, ground_truth/KIND/*_mask.png",
    ),
    Entry(
        name="textures",
        title="brick, grass and gravel with made-up defects of 4 kinds, grey, 64 x 64",
        licence="CC0 1.0 (the photographs are scikit-image's sample images)",
        page="https://scikit-image.org/docs/stable/api/skimage.data.html",
        bundled="textures/",
        bundled_holds="3 photographs, of which 120 + 40 good images and 60 with defects are made",
        full="texture_ad/",
        full_holds="120 + 40 good images and 60 with defects of each texture",
        by_hand="Not needed: the bundled photographs give an equivalent set",
    ),
)

CATALOGUE = {entry.name: entry for entry in _ENTRIES}
"""The data sets by name."""
