"""Says of each command of the AWS CLI on standard input, one a line, what botocore's models do not know of it.

The CLI is made from these models: a command is an operation, its options are the operation's parameters. What the CLI adds by
hand (`aws logs tail`) is listed here with its options, from the CLI's reference.
"""
import json
import shlex
import sys

import botocore.session
from botocore import xform_name

GLOBAL = {"region", "profile", "output", "query", "endpoint-url", "no-cli-pager"}
BY_HAND = {
    ("logs", "tail"): {"since", "format", "follow", "filter-pattern", "log-stream-names", "log-stream-name-prefix"},
    ("cloudformation", "deploy"): {"stack-name", "template-file", "capabilities", "parameter-overrides", "s3-bucket"},
    ("eks", "update-kubeconfig"): {"name", "alias", "role-arn", "kubeconfig", "dry-run"},
    ("s3", "rb"): {"force"},
    ("ec2", "authorize-security-group-ingress"): {"group-id", "protocol", "port", "source-group", "cidr"},
}
ALIASES = {"s3api": "s3"}
# As the CLI's own customizations of paginated operations have it.
PAGING = {"max-items", "page-size", "starting-token", "no-paginate"}

session = botocore.session.get_session()
operations = {}


def operations_of(service):
    if service not in operations:
        model = session.get_service_model(service)
        operations[service] = {
            xform_name(name, "-"): model.operation_model(name) for name in model.operation_names
        }
    return operations[service]


def options_of(service, operation):
    if (service, operation) in BY_HAND:
        return BY_HAND[service, operation]
    model = operations_of(service)[operation]
    shape = model.input_shape
    options = set(PAGING)
    for name, member in (shape.members if shape else {}).items():
        option = xform_name(name, "-")
        options.add(option)
        if member.type_name == "boolean":
            options.add("no-" + option)
    return options


def required_of(service, operation):
    if (service, operation) in BY_HAND:
        return set()
    shape = operations_of(service)[operation].input_shape
    return {xform_name(name, "-") for name in (shape.required_members if shape else [])}


def waited_for(service, waiter):
    """`aws <service> wait <waiter>` has the options of the operation that the waiter repeats."""
    model = session.get_waiter_model(service)
    names = {xform_name(name, "-"): name for name in model.waiter_names}
    return xform_name(model.get_waiter(names[waiter]).operation, "-") if waiter in names else None


def faults(words):
    service, operation, *rest = words[1:]
    service = ALIASES.get(service, service)
    if service not in session.get_available_services():
        return [f"no service {service}"]
    if operation == "wait":
        waiter, *rest = rest
        operation = waited_for(service, waiter)
        if operation is None:
            return [f"no waiter {service} {waiter}"]
    if (service, operation) not in BY_HAND and operation not in operations_of(service):
        return [f"no command {service} {operation}"]
    given = {word[2:].split("=")[0] for word in rest if word.startswith("--")}
    unknown = given - GLOBAL - options_of(service, operation)
    missing = required_of(service, operation) - given
    return [f"no option --{name}" for name in sorted(unknown)] + [f"--{name} is required" for name in sorted(missing)]


for line in sys.stdin:
    print(json.dumps(faults(shlex.split(line))))
