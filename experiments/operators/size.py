"""The size of the operands."""

from __future__ import annotations

from dataclasses import dataclass, fields

from experiments.validators import InvalidField, require_at_least

WINDOW = 2
"""Side and step of pooling's window, in pixels."""


@dataclass
class Size:
    """The lengths from which the shapes of all operands follow."""

    batch: int = 32
    units: int = 256
    """Features per vector: of dense and recurrent layers, embeddings, normalised and activated sequences."""
    sequence: int = 32
    """Steps of a sequence."""
    heads: int = 4
    """Heads of attention, which share the units."""
    vocabulary: int = 10_000
    """Rows of the embedding's table."""
    side: int = 32
    """Side of the square images of convolutions, pooling and batch normalisation, in pixels."""
    channels: int = 32
    """Channels of these images, before and after a convolution."""
    kernel: int = 3
    """Side of a convolution's kernel, in pixels."""

    def __post_init__(self) -> None:
        for field in fields(self):
            require_at_least(self, field.name, 1)
            if getattr(self, field.name) >= 2**31:
                raise InvalidField(self, field.name, f"{getattr(self, field.name)} is more than 2^31 - 1")
        require_at_least(self, "side", WINDOW)
        if self.units % self.heads:
            raise InvalidField(self, "heads", f"{self.heads} heads cannot share {self.units} units evenly")

    @property
    def images(self) -> tuple[int, int, int, int]:
        """The shape of a batch of images: [batch, height, width, channels]."""
        return self.batch, self.side, self.side, self.channels

    @property
    def sequences(self) -> tuple[int, int, int]:
        """The shape of a batch of sequences: [batch, sequence, units]."""
        return self.batch, self.sequence, self.units

    @property
    def pixels(self) -> int:
        """The number of pixels of a batch of images."""
        return self.batch * self.side**2
