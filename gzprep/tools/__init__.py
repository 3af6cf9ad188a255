"""What looks at a finished dataset folder, or at images: verify, replay, contact sheet, defects, fetch."""
