"""A small ConText: mentions of findings in a report, with what the words around them say.

After the published ideas of ConText (Harkema et al. 2009), NegBio (Peng et al. 2018) and the
CheXpert labeler (Irvin et al. 2019). The words are data (`resources/lexicon/*.yaml`); the modules
here hold only the mechanism: `phrases` turns phrases into a word trie, `lexicon` reads the file,
`sentences` cuts a text, `scope` decides what a cue reaches, `organs` reads the state of an organ,
`engine` puts them together.
"""

from chexdesk.labeling.context.engine import ContextEngine, Mention, Reading, default_engine

__all__ = ["ContextEngine", "Mention", "Reading", "default_engine"]
