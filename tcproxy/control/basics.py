"""Commands about the conversation itself: help, prompt, quit, levels, timeouts, and what the process is."""

from __future__ import annotations

from tcproxy.control.rows import NOTICE, Answer, Asked, Command, CommandError, Level, Message, Where
from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.units import read_time
from tcproxy.report.info import VERSION

BOTH = Where.WORKER | Where.MASTER


def help_(asked: Asked) -> Answer:
    """List the commands, or those that begin with the words given."""
    return asked.talk.table.help(asked.words)


def prompt(asked: Asked) -> Answer:
    """Enter the interactive mode, or leave it: then the conversation ends with this line."""
    asked.talk.prompting = not asked.talk.prompting
    return ""


def quit_(asked: Asked) -> Answer:
    """End the conversation."""
    asked.talk.ended = True
    return ""


def user(asked: Asked) -> Answer:
    """Give up all rights but those of a user."""
    asked.talk.level = Level.USER
    return ""


def operator(asked: Asked) -> Answer:
    """Give up the rights of an administrator."""
    if asked.talk.level < Level.OPERATOR:
        raise CommandError("Permission denied")
    asked.talk.level = Level.OPERATOR
    return ""


def show_level(asked: Asked) -> Answer:
    """Tell the present level."""
    return f"{asked.talk.level.word}\n"


def socket_name(address: Address) -> str:
    """Return the address of a command socket with its family, as `ipv4@127.0.0.1:1999`."""
    if address.family in (Family.UNIX, Family.ABNS, Family.FD, Family.SOCKPAIR):
        return f"{address.family.value}{address.host}"
    if address.family is Family.INET6 or ":" in address.host:
        return f"ipv6@[{address.host or '::'}]:{address.port}"
    return f"ipv4@{address.host or '0.0.0.0'}:{address.port}"


def show_sockets(asked: Asked) -> Answer:
    """List the command sockets with their levels."""
    sockets = asked.world.configuration.process.stats_sockets
    lines = [f"{socket_name(bind.address)} {bind.level} all\n" for bind in sockets]
    return "# socket lvl processes\n" + "".join(lines)


def show_version(asked: Asked) -> Answer:
    """Tell the version, as `show info` does."""
    return f"{VERSION}\n"


def show_env(asked: Asked) -> Answer:
    """List the variables of the configuration's environment, or one of them."""
    environment = asked.world.configuration.environment
    name = asked.word(0)
    variables = environment.items() if environment is not None else []
    lines = [f"{key}={value}\n" for key, value in variables if name in ("", key)]
    if name and not lines:
        raise CommandError("Variable not found")
    return "".join(lines)


def show_startup_logs(asked: Asked) -> Answer:
    """Repeat what was said at the start."""
    return asked.world.startup_logs


def set_timeout(asked: Asked) -> Answer:
    """Set how long this conversation may be silent, in seconds if no unit is given."""
    if asked.word(0) != "cli":
        raise CommandError("'set timeout' knows one timeout: 'cli'.")
    if not asked.word(1):
        raise CommandError("'set timeout cli' needs a time, such as 30s.")
    try:
        asked.talk.timeout = float(read_time(asked.word(1), "s"))
    except ValueError as wrong:
        raise CommandError(f"Invalid timeout: {wrong}.") from wrong
    return ""


def set_severity(asked: Asked) -> Answer:
    """Choose whether messages begin with their severity."""
    if asked.word(0) not in ("none", "number", "string"):
        raise CommandError("'set severity-output' needs one of 'none', 'number' and 'string'.")
    asked.talk.severity = asked.word(0)
    return ""


def _mode(asked: Asked, name: str, attribute: str) -> Answer:
    word = asked.word(0)
    if word not in ("", "on", "off"):
        raise CommandError(f"'{name}' takes 'on' or 'off'.")
    if not word:
        return Message(f"{name} is {'ON' if getattr(asked.talk, attribute) else 'OFF'}", NOTICE)
    setattr(asked.talk, attribute, word == "on")
    return ""


def expert_mode(asked: Asked) -> Answer:
    """Show or switch the mode that HAProxy asks for in front of debugging commands."""
    return _mode(asked, "expert-mode", "expert")


def experimental_mode(asked: Asked) -> Answer:
    """Show or switch the mode that HAProxy asks for in front of experimental commands."""
    return _mode(asked, "experimental-mode", "experimental")


COMMANDS = (
    Command("help", help_, "[<command>]", "list all commands, or those like this one", where=BOTH),
    Command("prompt", prompt, "", "enter or leave the interactive mode", where=BOTH),
    Command("quit", quit_, "", "close the conversation", where=BOTH),
    Command("user", user, "", "give up all rights but a user's", where=BOTH),
    Command("operator", operator, "", "give up the rights of an administrator", where=BOTH),
    Command("show cli level", show_level, "", "tell what this conversation may do", where=BOTH),
    Command("show cli sockets", show_sockets, "", "list the command sockets", where=BOTH),
    Command("show version", show_version, "", "tell the version", where=BOTH),
    Command("show env", show_env, "[<name>]", "list environment variables", Level.OPERATOR),
    Command("show startup-logs", show_startup_logs, "", "repeat what was said at the start", Level.OPERATOR),
    Command("set timeout", set_timeout, "cli <delay>", "set how long this conversation may be silent"),
    Command("set severity-output", set_severity, "[none|number|string]", "put severities in front of messages"),
    Command("expert-mode", expert_mode, "[on|off]", "show or switch the expert mode", Level.ADMIN, BOTH),
    Command(
        "experimental-mode", experimental_mode, "[on|off]", "show or switch the experimental mode", Level.ADMIN, BOTH
    ),
)
