"""The scan that the scripts of this folder pass to the writer of another program.

Each script is called as

    python SCRIPT.py SCAN.npz FOLDER

with a scan that ptycho simulated. It writes a file in FOLDER with the program's own writer, and prints the program's name and version. A program
that writes only scans of its own also leaves their arrays there, as expected.npz.
"""
import os
import sys

import numpy as np

scan = np.load(sys.argv[1])
folder = sys.argv[2]
counts = scan["intensity"]
n, N = counts.shape[:2]
wavelength, distance, pixel = 1.24e-10, 1.9, 75e-6  # m
energy = 6.62607015e-34 * 299792458 / wavelength  # J
dx = wavelength * distance / (N * pixel)  # m, of the object
rows, cols = (np.asarray(scan[k], "f8").ravel() for k in ("ycoords", "xcoords"))
y, x = (rows - rows.min()) * dx, (cols - cols.min()) * dx  # m
probe = np.asarray(scan["probeGuess"], "c8").reshape(-1, N, N)


def path(name):
    return os.path.join(folder, name)
