"""GoogLeNet on CIFAR-10."""

from functools import partial

from apalu_ref.studies import cifar10
from apalu_ref.studies.models.googlenet import googlenet

STUDY = cifar10.study(
    "googlenet",
    "GoogLeNet on CIFAR-10",
    partial(googlenet, batch_norm=True),
    {
        "smoke": cifar10.SMOKE,
        "quick": cifar10.quick(width=0.125, depth=0.3),
        "full": cifar10.FULL,
    },
    "The network is GoogLeNet (Szegedy et al. 2014) without auxiliary heads, with batch "
    "normalisation in place of local response normalisation, made for 32x32 pixels by a 3x3 first "
    "convolution; multipliers of its width and depth make it smaller, at 1.0 it counts as "
    "published.",
)
