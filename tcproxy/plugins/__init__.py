"""The menu of plugins: one line each. Third parties drop a file in a tcproxy/plugins/ folder of their own.

No other module of a third party may stand here: the folder is searched by twisted.plugin, and a
package of this name anywhere on sys.path adds to it (hence no code but the path line below).
"""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
