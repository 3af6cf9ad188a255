"""Parameters of the transformers, by the formulas of their docstrings; written out again, not imported."""

# name: width, heads, blocks, dense layers, as the report's table 4 has them (F42)
VITS = {
    "vit-64-8-12": (64, 8, 12, (2048, 1024)),
    "vit-64-12-12": (64, 12, 12, (2048, 1024)),
    "vit-64-16-12": (64, 16, 12, (2048, 1024)),
    "vit-64-16-16": (64, 16, 16, (2048, 1024)),
    "vit-128-12-12": (128, 12, 12, (2048, 1024)),
    "vit-64-12-12-wide": (64, 12, 12, (4096, 2048)),
}


def vit_count(name: str, size: int, patch: int, outputs: int) -> int:
    d, h, blocks, (m1, m2) = VITS[name]
    n = (size // patch) ** 2
    tokens = 3 * patch**2 * d + d + n * d
    block = 4 * h * d**2 + 3 * h * d + d + 4 * d**2 + 3 * d + 4 * d
    head = 2 * d + n * d * m1 + m1 + m1 * m2 + m2 + m2 * outputs + outputs
    return tokens + blocks * block + head


def cct_count(size: int, stride: int, outputs: int) -> int:
    d, blocks = 64, 2
    first, second = {4: (3, 3), 8: (7, 3), 16: (7, 7)}[stride]
    tokens = 3 * first**2 * d + second**2 * d**2 + (size // stride) ** 2 * d
    block = 4 * d**2 + 4 * d + 2 * d**2 + 2 * d + 4 * d
    return tokens + blocks * block + 3 * d + 1 + d * outputs + outputs


def cvt_count(outputs: int) -> int:
    total, before = 0, 3
    for c, kernel, blocks in ((32, 7, 1), (64, 3, 2), (128, 3, 5)):
        total += kernel**2 * before * c + 3 * c + blocks * (12 * c**2 + 52 * c)
        before = c
    return total + 2 * before + before * outputs + outputs
