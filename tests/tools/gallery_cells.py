"""Cells of the gallery: models that between them make every kind of picture, on photographs and digits."""

from __future__ import annotations

PHOTOS = """
import torch
import torch.nn.functional as F
import torchvision
from sklearn.datasets import load_digits, load_sample_images
from torch import nn
from torchvision.transforms.v2 import functional as transforms
import torchvis_widgets as tvw

torch.manual_seed(0)
photos = [torch.from_numpy(photo.copy()).permute(2, 0, 1) for photo in load_sample_images().images]
crops = [transforms.crop(photo, 0, left, 427, 427) for photo in photos for left in (0, 213)]
"""

RESNET = """
weights = torchvision.models.ResNet18_Weights.DEFAULT
resnet = torchvision.models.resnet18(weights=None)
inputs = torch.stack([weights.transforms()(crop) for crop in crops]), torch.tensor([497, 497, 985, 985])
seen = tvw.inspect(resnet, inputs, criterion=nn.CrossEntropyLoss(), classes=weights.meta["categories"])
view = tvw.ActivationViewer(seen)
view
"""

KINDS = '''
class Blur(nn.Module):
    """The photograph, softened: an image (3, H, W)."""
    def forward(self, x):
        return transforms.gaussian_blur(x, [9, 9], [2.5, 2.5])

class Segments(nn.Module):
    """A label for each pixel, by its colour: a mask (H, W) of integers."""
    def forward(self, x):
        return (x.mean(1) * 5).long() + (x[:, 2] > x[:, 0]).long()

class Boxes(nn.Module):
    """Four boxes (4, 4), as a detector gives them."""
    def forward(self, x):
        box = torch.tensor([[6, 8, 52, 60], [40, 20, 92, 88], [10, 50, 44, 92], [60, 4, 90, 34]], dtype=x.dtype)
        return box.expand(len(x), 4, 4) + x.mean((1, 2, 3))[:, None, None]

class Sequence(nn.Module):
    """Reads the rows of the picture: 48 units over 96 steps."""
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(96, 48, batch_first=True)
    def forward(self, x):
        return self.lstm(x.mean(1))

class Gram(nn.Module):
    """Which filters go together: a matrix (16, 16)."""
    def forward(self, maps):
        flat = maps.flatten(2)
        return flat @ flat.mT / flat.shape[-1]

class Kinds(nn.Module):
    def __init__(self):
        super().__init__()
        self.blur, self.segments, self.boxes, self.sequence, self.gram = Blur(), Segments(), Boxes(), Sequence(), Gram()
        self.filters = nn.Conv2d(3, 16, 7, padding=3)
        self.volume = nn.Conv3d(1, 2, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, 1)
    def forward(self, x):
        soft = self.blur(x)
        maps = self.filters(soft).relu()
        states, _ = self.sequence(x)
        depth = torch.stack([x.roll(4 * i, -1).mean(1) for i in range(12)], 1)[:, None]
        return {
            "segments": self.segments(soft), "boxes": self.boxes(x), "states": states, "gram": self.gram(maps),
            "volume": self.volume(depth), "score": self.head(self.pool(maps).flatten(1)).squeeze(1),
        }

small = torch.stack([transforms.resize(crop, [96, 96]).float() / 255 for crop in crops])
kinds = tvw.inspect(Kinds(), small)
kinds_view = tvw.ActivationViewer(kinds)
kinds_view
'''

DIGITS = """
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
train = torch.randperm(len(x))[:1500]

class DigitsViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.vit = torchvision.models.VisionTransformer(
            image_size=8, patch_size=2, num_layers=2, num_heads=4, hidden_dim=48, mlp_dim=96, num_classes=10
        )
        nn.init.xavier_uniform_(self.vit.heads.head.weight)
    def forward(self, images):
        return self.vit(images.expand(-1, 3, -1, -1))

vit = DigitsViT()
optimizer = torch.optim.AdamW(vit.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
trained = tvw.watch(vit, optimizer, criterion, probe=(x[:8], y[:8]), classes=[str(d) for d in range(10)],
                    tokens=[["class", *(f"{r},{c}" for r in range(4) for c in range(4))]] * 8, statistics=5)
for epoch in trained.epochs(8):
    for batch in trained.batches(train[torch.randperm(len(train))].split(64)):
        optimizer.zero_grad()
        loss = criterion(vit(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
vit_view = tvw.ActivationViewer(trained)
vit_view
"""
