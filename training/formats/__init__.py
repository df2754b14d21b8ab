"""The wire formats compared on the same reports: slots, compact chain, JSON object.

    python -m training.formats.screen --format slots|chain|json
    python -m training.formats.table

`blocks` packs reports behind one instruction, `layouts` holds the formats, `fit` trains one.
"""
