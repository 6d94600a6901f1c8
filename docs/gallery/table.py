"""Write people.csv: 400 rows with numbers, categories and gaps, made from a fixed seed."""

import csv

import numpy as np

random = np.random.default_rng(0)
with open("people.csv", "w", encoding="utf-8", newline="") as file:
    rows = csv.writer(file)
    rows.writerow(["age", "home town", "hours a week", "passed"])
    for _ in range(400):
        age, hours = random.integers(18, 80), round(random.uniform(0, 10), 1)
        town = random.choice(["Köln", "Bern", "São Paulo", ""])
        passed = hours + 2 * (town == "Bern") + random.normal() > 5
        rows.writerow(["" if random.random() < 0.1 else age, town, hours, "yes" if passed else "no"])
