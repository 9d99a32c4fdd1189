"""Commands about the conversation itself: help, prompt, quit, levels, timeouts, and what the process is."""

from __future__ import annotations

from tcproxy.control.command_rows import (
    Answer,
    CommandError,
    CommandLine,
    CommandPlace,
    CommandRow,
    Level,
    Message,
)
from tcproxy.grammar.addresses import Address, Family
from tcproxy.grammar.units import read_time
from tcproxy.report.info import VERSION

BOTH = CommandPlace.WORKER | CommandPlace.MASTER


def help_(command: CommandLine) -> Answer:
    """List the commands, or those that begin with the words given."""
    return Message(command.talk.table.help(command.words))


def prompt(command: CommandLine) -> Answer:
    """Enter the interactive mode, or leave it: then the conversation ends when all is answered."""
    command.talk.prompting = not command.talk.prompting
    return ""


def quit_(command: CommandLine) -> Answer:
    """End the conversation."""
    command.talk.ended = True
    return ""


def user(command: CommandLine) -> Answer:
    """Give up all rights but those of a user."""
    command.talk.level = Level.USER
    return ""


def operator(command: CommandLine) -> Answer:
    """Give up the rights of an administrator."""
    if command.talk.level < Level.OPERATOR:
        raise CommandError("Permission denied")
    command.talk.level = Level.OPERATOR
    return ""


def show_level(command: CommandLine) -> Answer:
    """Tell the present level."""
    return Message(command.talk.level.word)


def socket_name(address: Address) -> str:
    """Return the address of a command socket with its family, as `ipv4@127.0.0.1:1999`."""
    if address.family in (Family.UNIX, Family.ABNS, Family.FD, Family.SOCKPAIR):
        return f"{address.family.value}{address.host}"
    if address.family is Family.INET6 or ":" in address.host:
        return f"ipv6@[{address.host or '::'}]:{address.port}"
    return f"ipv4@{address.host or '0.0.0.0'}:{address.port}"


def show_sockets(command: CommandLine) -> Answer:
    """List the command sockets with their levels."""
    sockets = command.world.configuration.process.stats_sockets
    lines = [f"{socket_name(bind.address)} {bind.level} all\n" for bind in sockets]
    return "# socket lvl processes\n" + "".join(lines)


def show_version(command: CommandLine) -> Answer:
    """Tell the version, as `show info` does."""
    return Message(VERSION)


def show_env(command: CommandLine) -> Answer:
    """List the variables of the configuration's environment, or one of them."""
    environment = command.world.configuration.environment
    name = command.word(0)
    variables = environment.items() if environment is not None else []
    lines = [f"{key}={value}\n" for key, value in variables if name in ("", key)]
    if name and not lines:
        raise CommandError("Variable not found")
    return "".join(lines)


def show_startup_logs(command: CommandLine) -> Answer:
    """Print the messages of the start again."""
    return Message(command.world.startup_logs)


def set_timeout(command: CommandLine) -> Answer:
    """Set how long this conversation may be silent, in seconds if no unit is given."""
    if command.word(0) != "cli":
        raise CommandError("'set timeout' knows one timeout: 'cli'.")
    if not command.word(1):
        raise CommandError("'set timeout cli' needs a time, such as 30s.")
    try:
        seconds = read_time(command.word(1), "s")
    except ValueError as wrong:
        raise CommandError(f"Invalid timeout: {wrong}.") from wrong
    if not seconds:
        raise CommandError("Invalid timeout: a conversation without one is not to be had.")
    command.talk.timeout, command.talk.timeout_is_own = float(seconds), True
    return ""


def set_severity(command: CommandLine) -> Answer:
    """Choose whether messages begin with their severity."""
    if command.word(0) not in ("none", "number", "string"):
        raise CommandError("'set severity-output' needs one of 'none', 'number' and 'string'.")
    command.talk.severity = command.word(0)
    return ""


def _mode(command: CommandLine, name: str, attribute: str) -> Answer:
    word = command.word(0)
    if word not in ("", "on", "off"):
        raise CommandError(f"'{name}' takes 'on' or 'off'.")
    if not word:
        return Message(f"{name} is {'ON' if getattr(command.talk, attribute) else 'OFF'}")
    setattr(command.talk, attribute, word == "on")
    return ""


def expert_mode(command: CommandLine) -> Answer:
    """Show or switch the mode that HAProxy asks for in front of debugging commands."""
    return _mode(command, "expert-mode", "expert")


def experimental_mode(command: CommandLine) -> Answer:
    """Show or switch the mode that HAProxy asks for in front of experimental commands."""
    return _mode(command, "experimental-mode", "experimental")


COMMANDS = (
    CommandRow("help", help_, "[<command>]", "list all commands, or those like this one", where=BOTH),
    CommandRow("prompt", prompt, "", "enter or leave the interactive mode", where=BOTH),
    CommandRow("quit", quit_, "", "close the conversation", where=BOTH),
    CommandRow("user", user, "", "give up all rights but a user's", where=BOTH),
    CommandRow("operator", operator, "", "give up the rights of an administrator", where=BOTH),
    CommandRow("show cli level", show_level, "", "tell what this conversation may do", where=BOTH),
    CommandRow("show cli sockets", show_sockets, "", "list the command sockets", where=BOTH),
    CommandRow("show version", show_version, "", "tell the version", where=BOTH),
    CommandRow("show env", show_env, "[<name>]", "list environment variables", Level.OPERATOR),
    CommandRow("show startup-logs", show_startup_logs, "", "repeat what was said at the start", Level.OPERATOR),
    CommandRow("set timeout", set_timeout, "cli <delay>", "set how long this conversation may be silent"),
    CommandRow("set severity-output", set_severity, "[none|number|string]", "put severities in front of messages"),
    CommandRow("expert-mode", expert_mode, "[on|off]", "show or switch the expert mode", Level.ADMIN, BOTH),
    CommandRow(
        "experimental-mode", experimental_mode, "[on|off]", "show or switch the experimental mode", Level.ADMIN, BOTH
    ),
)
