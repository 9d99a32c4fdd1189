"""The metadata of tcproxy; the tools' settings stand in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="tcproxy",
    version="0.1.0",
    description="HAProxy, in Python, on Twisted: the same configuration, command line, logs and statistics",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    # Said in full, although it is the default: without it an editable install hides
    # twisted/plugins from twistd (the folder has no __init__.py, so no package names it).
    package_dir={"": "."},
    packages=[*find_packages(include=["tcproxy", "tcproxy.*"]), "twisted.plugins"],
    package_data={"tcproxy": ["py.typed", "report/page.css", "report/page.js"]},
    install_requires=[
        "Twisted>=24.3",
        "zope.interface>=6.2",
        "pyOpenSSL>=24.0",
        "service-identity>=24.1",
        # pyOpenSSL brings it; converters use it, too (AES-GCM, signatures of JSON web tokens)
        "cryptography>=42.0",
    ],
    extras_require={
        # regular expressions as HAProxy means them; without it, those that `re` would misread are refused
        "pcre2": ["pcre2>=0.7"],
        # files of cases (`tcproxy test`) in YAML; those in TOML need nothing
        "cases": ["PyYAML>=6.0.2"],
        "test": [
            *["pytest>=8", "pytest-twisted>=1.14", "hypothesis>=6.100", "pcre2>=0.7", "h11>=0.14", "httptools>=0.6.3"],
            "PyYAML>=6.0.2",
            # reads what the exporter writes
            "prometheus_client>=0.20",
            # a client of the command socket
            *["haproxyadmin>=0.2.4", "six>=1.16"],
            # real software around the proxy
            *["waitress>=2.1", "uvicorn>=0.30", "websockets>=13"],
        ],
        "lint": ["ruff>=0.6", "mypy>=1.11", "mypy-zope>=1.0.8", "types-PyYAML>=6.0.12", "import-linter>=2.0",
                 "codespell>=2.3"],
        "docs": ["Sphinx>=7"],
        # leads the search of tests/fuzz; without it inputs are changed by chance
        "fuzz": ["atheris>=2.3"],
    },
    entry_points={
        "console_scripts": ["tcproxy = tcproxy.command:main"],
        "pytest11": ["tcproxy = tcproxy.explain.pytest_plugin"],
    },
    classifiers=[
        "Framework :: Twisted",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
    ],
    zip_safe=False,
)
