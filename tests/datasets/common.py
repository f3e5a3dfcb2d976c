"""Keys that data sets of all kinds have, as in conf/, for images of 8x8."""

COMMON = {
    "image_size": [8, 8],
    "resize": "stretch",
    "num_channels": 3,
    "background": [255, 255, 255],
    "max_pixels": 89_478_485,
    "val_fraction": 0.1,
    "test_fraction": 0.2,
    "split_seed": 0,
}
