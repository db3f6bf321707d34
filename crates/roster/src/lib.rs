//! What Muster keeps: PINs, items, contents, areas and what a device can take.
