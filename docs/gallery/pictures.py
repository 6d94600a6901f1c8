"""Write scikit-learn's digits as a folder of pictures: a folder a class, sizes and colours mixed."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

NAMES = ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]

digits = load_digits()
for number, (picture, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
    folder = Path("pictures", NAMES[digit])
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray((picture * 15.9).astype(np.uint8)).resize((16 + number % 3, 16))
    image.convert("RGB" if number % 2 else "L").save(folder / f"{number}.png")
