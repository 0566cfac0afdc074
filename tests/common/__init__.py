"""Slow, obvious NumPy references and simulated recordings against which the fast kernels are checked.

Nothing here is meant to be quick: tensors are unfolded, Khatri-Rao products and residuals are formed, every
least-squares problem goes through a dense solver in double precision, so that each function can be compared
with its formula by eye.
"""
