"""From a recording to a report: ``python -m fastigial.demo``.

It decomposes a recording with TCA and SliceTCA and says what it finds. One file per step: `sources` and
`files` find the recording, `prepare` preprocesses it, `ranks` chooses how many components, `fits` fits,
`statistics` tests the trial factors, `analysis` joins these, `figures` draws and `report` writes the
page.
"""
