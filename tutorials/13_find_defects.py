"""
Find defects: learn what is normal, and call the rest bad
=========================================================

A factory has thousands of photographs of good tiles, and hardly any of bad ones: there are so many
ways to be bad. How can a defect be found that nobody has shown? One learns what is normal, and
calls a defect what is not. Here three detectors that have seen good bricks only look for holes,
scratches and stains in a wall, and say where they are. Which is best, and is it APALU's merit?

What you'll do
--------------

Judge a detector by the area under its ROC curve; build a detector of features and a Gaussian, one
that draws all that is normal to one point (Deep SVDD), and one that knows how likely an image is (a
normalising flow), stopped in time; turn its gradient into a map; compare ReLU and APALU in it.

What you'll learn
-----------------

- what AUROC means, and how to compute it from ranks;
- how one-class learning can succeed without learning anything, and how that is prevented;
- why a flow's likelihood is exact, and how to check its log-determinant;
- how to stop by good images kept aside, and what training for too long does;
- that gradients say where, and that the simplest method should be in every table.

What you need
-------------

About 50 minutes; the script itself runs for 8 seconds. NumPy and Matplotlib, this project, with
which the textures come; from :doc:`the last tutorial <12_learn_from_little_data>` overfitting and
paired intervals; what a determinant is. The networks are in ``apalu_ref/studies/models``, and
short. What training gives may differ a little on your machine.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import datasets
from apalu_ref.layer import APALU
from apalu_ref.studies.detection import auroc, blur, mahalanobis, pixel_auroc
from apalu_ref.studies.models.extractor import Extractor, own_contrast
from apalu_ref.studies.models.normalizing import Flow
from apalu_ref.studies.models.svdd import centre, embedding, squared_distance
from minigrad import Tensor, nn, no_grad
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import Adam
from minigrad.random import manual_seed
from minigrad.train import EarlyStopping, fit

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
})  # fmt: skip

# %%
# Step 1: the surfaces
# --------------------
#
# 120 good images to learn from; 40 good ones and 60 with four kinds of defect to be tested on. The
# wall is a real photograph, the defects are painted on it; training and test images share no row
# of it. A *mask* says which pixels were painted: you should see its outline around each defect.

data = datasets.textures("brick", source="bundled")
print(data)
bad = data.labels > 0


def show(ax, image, mask=None, title=""):
    """An image, and the outline of its defect."""
    ax.imshow(image, cmap="gray")
    if mask is not None and mask.any():
        ax.contour(mask, [0.5], colors=ORANGE, linewidths=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize="small")


one_of_each = [np.flatnonzero(data.labels == k)[1] for k in range(5)]
fig, axes = plt.subplots(2, 5, figsize=(8, 3.6))
for ax, image in zip(axes[0], data.train[::24, 0], strict=True):
    show(ax, image, title="to learn from")
for ax, row in zip(axes[1], one_of_each, strict=True):
    show(ax, data.test[row, 0], data.masks[row, 0], data.classes[data.labels[row]])
plt.show()

# %%
# Step 2: what a detector is worth
# --------------------------------
#
# A detector gives a score, higher for what looks worse. From which score on to raise the alarm
# depends on what a false alarm costs, so one asks for less: *with what probability does a bad image
# score higher than a good one?* That is the AUROC, 0.5 for guessing and 1 for a detector that never
# errs. (It is the area under the ROC curve: the share of bad images found, drawn over the share of
# false alarms.) To count all pairs is the definition; ranks give the same, faster.


def by_pairs(scores, bad):
    """The share of pairs (bad, good) in the right order; equal scores count half."""
    difference = scores[bad][:, None] - scores[~bad]
    return (difference > 0).mean() + (difference == 0).mean() / 2


rng = np.random.default_rng(0)
scores = rng.integers(0, 20, 100) + 8 * bad
print(f"by pairs {by_pairs(scores, bad):.6f}, by ranks {auroc(scores, bad):.6f}")
assert np.isclose(by_pairs(scores, bad), auroc(scores, bad))

x, x_test = own_contrast(data.train), own_contrast(data.test)
found = {"distance to the mean image": auroc(((x_test - x.mean(0)) ** 2).sum((1, 2, 3)), bad)}
print(f"distance to the mean image: AUROC {found['distance to the mean image']:.3f}")

# %%
# The distance to the mean image is a poor detector: you should see 0.636, not much above guessing.
# Bricks are not in the same place in every picture. One needs numbers that say what a texture is
# like, not where. (``own_contrast`` takes out the brightness and contrast of each image.)
#
# Step 3: features of a network that was made for something else
# --------------------------------------------------------------
#
# A convolutional network that has learned to tell shirts from shoes has filters for edges and
# grain, and these are of use here, too. We train one in a second, on the clothes that come with the
# package, and freeze it: its weights learn no more. Each filter makes a *map* of an image; the
# *features* are the mean, deviation and maximum of each map.

clothes = datasets.fashion_mnist("train", source="bundled")
manual_seed(0)
extractor = Extractor(len(clothes.classes))
loader = DataLoader(TensorDataset(own_contrast(clothes.images), clothes.labels), 50, shuffle=True)
optimizer = Adam(extractor.parameters(), lr=0.003)
fit(extractor, nn.CrossEntropyLoss(), optimizer, loader, epochs=5, progress=False)
extractor.freeze()


def crops(images):
    """Four overlapping crops of each image: four chances to see a defect, and more data."""
    return [images[..., i : i + 56, j : j + 56] for i in (0, 8) for j in (0, 8)]


def features(images):
    """(N, 4, D): of the four crops of each image."""
    with no_grad():
        parts = [extractor.features(Tensor(c.copy()), scales=(1,)).data for c in crops(images)]
    return np.stack(parts, axis=1)


seen, tested = features(x), features(x_test)
width = seen.shape[-1]
seen, tested = seen.reshape(-1, width), tested.reshape(-1, width)  # four rows an image


def of_images(scores):
    return scores.reshape(-1, 4).mean(1)  # over the four crops


# %%
# Now the simplest thing that could work: fit a Gaussian, a normal distribution in many dimensions,
# to the features of good images, and score an image by its squared *Mahalanobis distance* from the
# mean, which counts in each direction in units of the usual variation there.

mean, std = seen.mean(0), seen.std(0) + 1e-4
gaussian = of_images(mahalanobis((seen - mean) / std, (tested - mean) / std))
found["Gaussian, all features"] = auroc(gaussian, bad)
print(f"Gaussian on all {width} features: AUROC {found['Gaussian, all features']:.3f}")

# %%
# You should see 0.998, which is hard to beat. Papers do not always have it in their tables.
#
# Step 4: draw what is normal to one point
# ----------------------------------------
#
# Deep SVDD (Ruff and others, 2018) trains a network to map good images close to one point c, and
# scores an image by its distance from c. But a network can do that without looking: set the last
# weights to 0 and the bias to c, and every image is at distance 0, good or bad. So the network has
# no biases, and c is what the untrained network makes of the data, away from 0. APALU starts
# variance-preserving, "(vp)"; in the studies its random start is an arm of its own.


def deep_svdd(activation, epochs=15, seed=0):
    """Scores of the test images, and the mean distance of the good ones before and after."""
    manual_seed(seed)
    network = embedding(activation, size=64)
    network.eval()
    with no_grad():
        before = network(Tensor(x)).data
    c = centre(before)
    loader = DataLoader(TensorDataset(x, np.zeros(len(x))), 20, shuffle=True)
    optimizer = Adam(network.parameters(), lr=0.001)
    loss = lambda points, _: squared_distance(points, c)  # noqa: E731
    fit(network, loss, optimizer, loader, epochs=epochs, progress=False)
    with no_grad():
        after, judged = network(Tensor(x)).data, network(Tensor(x_test)).data
    spread = [((points - c) ** 2).sum(1).mean() for points in (before, after)]
    return ((judged - c) ** 2).sum(1), spread


ACTIVATIONS = {
    "ReLU": lambda n: nn.ReLU(),
    "APALU (vp)": lambda n: APALU(n, init="variance-preserving"),
}
for name, activation in ACTIVATIONS.items():
    scores, (before, after) = deep_svdd(activation)
    found[f"Deep SVDD, {name}"] = auroc(scores, bad)
    print(f"Deep SVDD, {name}: mean squared distance {before:.2f} before, {after:.3f} after; "
          f"AUROC {found[f'Deep SVDD, {name}']:.3f}")  # fmt: skip

# %%
# You should see about 0.76 twice: better than the mean image, and far from the Gaussian. Good
# images came closer to c, and that says little: nothing in the loss asks that bad ones stay away.
# Nor is this a verdict on the activations: it is one seed each.
#
# Step 5: a network that knows how likely an image is
# ---------------------------------------------------
#
# A *normalising flow* is an invertible map z = g(x), trained so that z is standard normal.
# Probability is neither made nor lost on the way, so log p(x) = log N(z; 0, 1) + log abs(det
# ∂z/∂x). A *coupling block* makes both terms easy: one half of x scales and shifts the other by
# amounts that an arbitrary network computes, with ReLU or APALU in it. Its Jacobian, the matrix
# ∂z/∂x, is triangular, and the log-determinant the sum of the log-scales. (So in DifferNet, 2021.)
#
# A log-determinant is easily got wrong, and training would not complain. So check it against the
# determinant of the Jacobian by central quotients: the two numbers should agree.

manual_seed(1)
small = Flow(ACTIVATIONS["APALU (vp)"], dimensions=6, blocks=3, hidden=8)
for parameter in small.parameters():
    parameter.data[...] = rng.normal(0, 0.3, parameter.shape)
point = rng.normal(size=(1, 6)).astype(np.float64)


def through(p):
    with no_grad():
        return small.transform(Tensor(p))[0].data[0]


h = 1e-3
jacobian = [(through(point + h * e) - through(point - h * e)) / (2 * h) for e in np.eye(6)]
with no_grad():
    z, claimed = small.transform(Tensor(point))
    back = small.inverse(z).data
expected = np.linalg.slogdet(jacobian)[1]  # its columns are rows here; the same determinant
print(f"log-determinant: {claimed.data[0]:.5f}, by differences {expected:.5f}")
print(f"and back again: off by {np.abs(back - point).max():.1g}")
assert abs(claimed.data[0] - expected) < 1e-3

# %%
# 20 of the 120 images are kept aside, to see how likely the flow finds good images that it was not
# trained on. (All are crops of one part of one wall and overlap, which flatters.) From the other
# 100 alone come the means, the deviations, and 64 principal components, the directions in which
# features vary most, scaled to variance 1. A coupling block starts as the identity. So the
# untrained flow *is* a Gaussian on these 64 numbers: the row of the table to compare it with.
#
# The loss and the score are the *NLL*, -log p(x) over the number of dimensions (in *nats*, as the
# logarithm is natural). Training ends when the NLL of the images kept aside has not fallen for two
# epochs; then the weights of the best epoch are put back. No bad and no test image is used for
# that. With the first seed there is also a run of 20 epochs: too long, on purpose.

COMPONENTS, ASIDE = 64, 20
fitted = seen[: -4 * ASIDE]
mean, std = fitted.mean(0), fitted.std(0) + 1e-4
_, singular, vectors = np.linalg.svd((fitted - mean) / std, full_matrices=False)
whiten = vectors[:COMPONENTS].T / singular[:COMPONENTS] * len(fitted) ** 0.5
own, aside, judged = ((part - mean) / std @ whiten for part in (fitted, seen[-4 * ASIDE :], tested))


def train_flow(activation, seed, stopping=None, epochs=20):
    """A flow fitted to good features, its history, its NLL on both parts, and its AUROC."""
    manual_seed(seed)
    flow = Flow(activation, COMPONENTS, blocks=4, hidden=32)
    loader = DataLoader(TensorDataset(own, np.zeros(len(own))), 50, shuffle=True)
    held = DataLoader(TensorDataset(aside, np.zeros(len(aside))), 100)
    history = fit(
        flow, lambda nll, _: nll.mean(), Adam(flow.parameters(), lr=0.001), loader, epochs=epochs,
        validation=held, early_stopping=stopping, clip_grad_norm=5.0, progress=False,
    )  # fmt: skip
    with no_grad():
        nll = [flow(Tensor(part)).data for part in (own, aside, judged)]
    return flow, history, nll[0].mean(), nll[1].mean(), auroc(of_images(nll[2]), bad)


line = "{:27} NLL {:.2f} trained on, {:.2f} aside; AUROC {:.3f}".format
nll = [(part**2).mean() / 2 + math.log(2 * math.pi) / 2 for part in (own, aside)]
found["Gaussian, 64 components"] = auroc(of_images((judged**2).sum(1)), bad)
print(line("Gaussian, 64 components", *nll, found["Gaussian, 64 components"]))

SEEDS, results, histories = 5, {}, {}
for name, activation in ACTIVATIONS.items():
    runs = [train_flow(activation, seed, EarlyStopping(patience=2)) for seed in range(SEEDS)]
    results[name] = np.array([run[-1] for run in runs])
    found[f"flow, {name}"], spread = results[name].mean(), results[name].std(ddof=1)
    best, long = [run[1].best_epoch for run in runs], train_flow(activation, seed=0)
    histories[name] = long[1]
    print(line(f"flow, {name}, epoch {best[0]}", *runs[0][2:]))
    print(line(f"flow, {name}, epoch 20", *long[2:]))
    print(f"  best epoch of each seed {best}: AUROC {found[f'flow, {name}']:.4f} ± {spread:.4f}")
    assert long[3] > runs[0][3] + 0.2
flow = runs[0][0]  # with APALU (vp), first seed, stopped: step 6 needs it

pairs = results["APALU (vp)"] - results["ReLU"]
half = 2.776 * pairs.std(ddof=1) / math.sqrt(SEEDS)  # Student's t for five pairs
low, high = pairs.mean() - half, pairs.mean() + half
verdict = "no difference seen" if low <= 0 <= high else "a difference"
print(f"APALU (vp) minus ReLU: {pairs.mean():+.4f}, from {low:+.4f} to {high:+.4f}: {verdict}")
print("AUROC:", *(f"  {area:.3f}  {name}" for name, area in found.items()), sep="\n")

fig, (left, right) = plt.subplots(1, 2)
for (name, history), color in zip(histories.items(), (ORANGE, BLUE), strict=True):
    left.plot(history["epoch"], history["loss"], color=color, label=f"{name}, trained on")
    left.plot(history["epoch"], history["val_loss"], "--", color=color, label=f"{name}, aside")
left.set(xlabel="epoch", ylabel="nats a dimension")
left.set_title("too long: NLL of good images", fontsize="medium")
left.legend(fontsize="small")
bars = right.barh(list(found), list(found.values()), color=[GREY, *[GREEN, ORANGE, BLUE] * 2])
right.bar_label(bars, fmt="%.3f", padding=3)
right.axvline(0.5, linestyle=":", color="black")
right.set(xlim=(0, 1.25), xlabel="AUROC; dotted: guessing", xticks=[0, 0.5, 1])
right.invert_yaxis()
plt.show()

# %%
# You should see, on the left, two lines that fall, for the images trained on, and two dashed ones
# that soon rise: those kept aside are found *less* likely. Few data, many weights: that is
# overfitting, and after 20 epochs the AUROC is lower, too. On the right four bars stand out, and
# two are Gaussians. Stopped in time, the flow has moved little from the Gaussian that it started
# as: nothing lost, next to nothing gained. (Nobody chose the learning rate, and two flows so near
# to one Gaussian can hardly differ: a sketch of a comparison, no more.)
#
# Step 6: where?
# --------------
#
# The score is a differentiable function of the image: through the flow, the scaling, and the frozen
# network. Its gradient says which pixels would change it most. Averaged over the crops and blurred,
# it is a map. Does it beat one without learning, the distance to the blurred image?


def gradient_map(images):
    """The size of the score's gradient at each pixel: (N, 64, 64)."""
    total, covered = np.zeros((len(images), 64, 64)), np.zeros((64, 64))
    corners = [(i, j) for i in (0, 8) for j in (0, 8)]
    for (i, j), crop in zip(corners, crops(images), strict=True):
        part = Tensor(crop.copy(), requires_grad=True)
        numbers = (extractor.features(part, scales=(1,)) - mean) * (1 / std)
        flow(numbers @ whiten).sum().backward()
        total[:, i : i + 56, j : j + 56] += np.abs(part.grad.data[:, 0])
        covered[i : i + 56, j : j + 56] += 1
    return blur(total / covered, 2.0)


maps = gradient_map(x_test[bad])
trivial = blur(np.abs(x_test[bad, 0] - blur(x_test[bad, 0], 2.0)), 2.0)
scores, simple = (
    [pixel_auroc(m, mask) for m, mask in zip(some, data.masks[bad], strict=True)]
    for some in (maps, trivial)
)
print("in a bad image, a pixel of the defect is above one that is not:")
print(f"gradient {np.mean(scores):.2f}, |image - blurred image| {np.mean(simple):.2f}")

chosen = [np.flatnonzero(data.labels[bad] == k)[1] for k in range(1, 5)]
fig, axes = plt.subplots(2, 4, figsize=(8, 4))
for column, row in zip(axes.T, chosen, strict=True):
    image, mask = data.test[bad][row, 0], data.masks[bad][row, 0]
    show(column[0], image, mask, data.classes[data.labels[bad][row]])
    column[1].imshow(maps[row], cmap="magma")
    column[1].contour(mask, [0.5], colors="white", linewidths=0.8)
    column[1].set(xticks=[], yticks=[])
    column[1].set_title(f"pixels: {scores[row]:.2f}", fontsize="small")
plt.show()

# %%
# You should see a bright spot in or next to each outline. The number is the AUROC of its pixels.
#
# On your own
# -----------
#
# 1. *Another surface*: ``"grass"`` and ``"gravel"`` are harder. Does the order in the table stay?
# 2. *Let the network cheat*: give ``embedding`` biases. What are distance and AUROC then?
# 3. *Break the log-determinant*: leave out the second half's. Which number of step 5 tells you, and
#    does the training loss?
# 4. *Choose the learning rate*, too, by the images kept aside: 0.0003, 0.001 or 0.003 for each
#    activation. Then look at the test once. Does the verdict change?
#
# Questions
# ---------
#
# **Why is the flow, which can represent more, no better than a Gaussian?** It starts as one, and is
# stopped soon: 400 crops of 100 images do not tell it much more that holds for others, too. If it
# goes on, its freedom goes where those crops are, and the AUROC falls below the Gaussian's.
#
# **What does an activation have to do with the likelihood being exact?** Nothing: any network will
# do inside a coupling block. It matters for how well the block's functions can be learned.
#
# In practice
# -----------
#
# - Put a Gaussian on the same features into every table of anomaly detection.
# - Look at the maps: a good AUROC can come from the background.
# - ``apalu-ref study deep-svdd``, ``differnet``, ``distillation-ad``: all arms and controls.
# - This ends the course. Go on with :doc:`the exercises </exercises>`, which grade themselves, with
#   :doc:`the studies </studies/index>`, which ask more questions, and with work of your own.
