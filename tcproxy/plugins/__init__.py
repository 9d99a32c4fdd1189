"""The menu of plugins: one line each. Third parties drop a file in a tcproxy/plugins/ folder of their own.

No other module of a third party may stand here: any folder tcproxy/plugins/ on sys.path that is no package of its
own adds its files to this one (hence no code but the path lines below).
"""

import sys
from pathlib import Path

# The same rule as twisted.plugin.pluginPackagePaths, so that getPlugins works on this package too; that import
# alone would take a fifth of the time of a start.
__path__ += [
    str(folder)
    for entry in sys.path
    if (folder := Path(entry, *__name__.split("."))).is_dir() and not (folder / "__init__.py").exists()
]
__all__: list[str] = []
