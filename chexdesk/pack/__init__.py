"""Model packs: obtained, merged, quantized, verified, described. No torch."""
