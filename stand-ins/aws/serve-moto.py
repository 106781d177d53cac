"""Serves moto on a free port of the loopback address until its standard input closes.

Standard input is a pipe that only the parent holds: however the parent dies, the pipe closes and this process goes with it.
Where moto 5 differs from AWS in what Tidegate depends on, it is put right here and nowhere else.
"""

import copy
import hashlib
import itertools
import json
import math
import os
import sys
import threading
import time
import warnings
from collections import Counter, defaultdict
from urllib.parse import unquote

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import DynamoDBStreamsBackend
from moto.ecr.models import ECRBackend
from moto.ecr.responses import ECRResponse
from moto.eks import urls as eks_urls
from moto.eks.models import eks_backends
from moto.eks.responses import EKSResponse
from moto.events.models import Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import DEDUPLICATION_TIME_IN_SECONDS, Queue, SQSBackend, _filter_message_attributes
from werkzeug.serving import make_server

CONTROL = "/_tidegate/"


class ImageTagAlreadyExists(ServiceException):
    code = "ImageTagAlreadyExistsException"


class ImageDigestDoesNotMatch(ServiceException):
    code = "ImageDigestDoesNotMatchException"


class LayersNotFound(ServiceException):
    code = "LayersNotFoundException"


def whole_event(parse):
    """moto's default envelope has no `account`; EventBridge delivers the event itself when a target has no transformer."""

    def parse_or_pass(input_template, input_paths_map, event):
        if input_template or input_paths_map:
            return parse(input_template, input_paths_map, event)
        return {key: value for key, value in event.items() if key != "ingestion-time"}

    return parse_or_pass


def unless_disabled(send_to_targets):
    """moto keeps a rule's state but sends all the same."""

    def send(self, *args, **kwargs):
        if self.state == "ENABLED":
            send_to_targets(self, *args, **kwargs)

    return send


def put_image_as_ecr(put_image):
    """ECR computes the digest, wants the blobs first, guards immutable tags with an error of its own, and tells EventBridge."""

    def put(self, repository_name, image_manifest, image_tag, image_manifest_mediatype=None, digest=None):
        repository = self._get_repository(repository_name, None)
        computed = "sha256:" + hashlib.sha256(image_manifest.encode()).hexdigest()
        if digest not in (None, computed):
            raise ImageDigestDoesNotMatch(f"The provided digest '{digest}' does not match the digest '{computed}' of the manifest")
        manifest = json.loads(image_manifest)
        blobs = [*manifest.get("layers", []), *([manifest["config"]] if "config" in manifest else [])]
        missing = [blob["digest"] for blob in blobs if blob["digest"] not in repository.layers]
        if missing:
            raise LayersNotFound(f"The specified layers could not be found: {missing}")
        holder = next((image for image in repository.images if image_tag in image.image_tags), None)
        if image_tag and holder and holder.image_digest != computed and repository.image_tag_mutability == "IMMUTABLE":
            raise ImageTagAlreadyExists(
                f"The image tag '{image_tag}' already exists in the '{repository_name}' repository and cannot be overwritten "
                "because the tag is immutable."
            )
        image = put_image(self, repository_name, image_manifest, image_tag, image_manifest_mediatype, computed)
        detail = {
            "result": "SUCCESS",
            "repository-name": repository_name,
            "image-digest": computed,
            "action-type": "PUSH",
            **({"image-tag": image_tag} if image_tag else {}),
            "manifest-media-type": image.image_manifest_media_type,
            **({"artifact-media-type": manifest["config"]["mediaType"]} if "config" in manifest else {}),
        }
        events_backends[self.account_id][self.region_name].put_events(
            [{"Source": "aws.ecr", "DetailType": "ECR Image Action", "Detail": json.dumps(detail)}]
        )
        return image

    return put


def paged(list_all, key):
    """moto answers with every image at once; ECR pages by 100, or by maxResults up to 1,000."""

    def list_page(self):
        start = int(self._get_param("nextToken") or 0)
        size = min(int(self._get_param("maxResults") or 100), 1000)
        everything = list_all(self).result[key]
        page = {key: everything[start : start + size]}
        if start + size < len(everything):
            page["nextToken"] = str(start + size)
        return ActionResult(page)

    return list_page


def remembered(add_message):
    """moto forgets a deduplication id with its message, SQS keeps it for five minutes; and SQS numbers a group's messages."""
    lock = threading.Lock()
    numbers = itertools.count(18849496460467696128, 256)

    def add(self, message):
        if not self.fifo_queue:
            return add_message(self, message)
        with lock:
            if message.deduplication_id:
                seen = self.__dict__.setdefault("_tidegate_seen", {})
                earlier = seen.get(message.deduplication_id, -math.inf)
                if message.sent_timestamp - earlier < DEDUPLICATION_TIME_IN_SECONDS * 1000:
                    return
                seen[message.deduplication_id] = message.sent_timestamp
            message.sequence_number = f"{next(numbers):020d}"
            add_message(self, message)

    return add


def receive_as_sqs(self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names=None):
    """moto gives two receivers at once the same message, lets a message overtake one of its group when both come back, and
    spins while a group is held."""
    queue = self.get_queue(queue_name)
    until = time.monotonic() + wait_seconds_timeout
    with queue._messages_lock:
        while True:
            messages = take_messages(self, queue, count, visibility_timeout)
            left = until - time.monotonic()
            if messages or left <= 0:
                break
            # Nobody calls when a message becomes visible again.
            queue._messages_lock.wait(min(left, 0.1))
        copies = copy.deepcopy(messages)
    for message in copies:
        _filter_message_attributes(message, message_attribute_names or [])
    return copies


def take_messages(backend, queue, count, visibility_timeout):
    visible = [message for message in queue._messages if message.visible and not message.delayed]
    queue.pending_messages.difference_update(visible)
    held = queue.pending_message_groups if queue.fifo_queue else set()
    taken = []
    for message in visible:
        if len(taken) == count:
            break
        if message.group_id in held or not backend.is_message_valid_based_on_retention_period(queue.name, message):
            continue
        policy = queue.redrive_policy if queue.dead_letter_queue else None
        if policy and message.approximate_receive_count >= policy["maxReceiveCount"]:
            queue._messages.remove(message)
            # Not sent: no deduplication id keeps it from there.
            with queue.dead_letter_queue._messages_lock:
                queue.dead_letter_queue._messages.append(message)
            continue
        queue.pending_messages.add(message)
        message.mark_received(visibility_timeout=visibility_timeout)
        taken.append(message)
    return taken


def delete_as_sqs(delete_message):
    """moto deletes by any receipt handle; SQS by the newest, and a FIFO queue only while the message is hidden by it."""

    def delete(self, receipt_handle):
        with self._messages_lock:
            message = next((message for message in self._messages if message.had_receipt_handle(receipt_handle)), None)
            outdated = message is not None and message.receipt_handle != receipt_handle
            if message is not None and self.fifo_queue and (outdated or message.visible):
                raise ReceiptHandleIsInvalid()
            if not outdated:
                delete_message(self, receipt_handle)
                self._messages_lock.notify_all()

    return delete


def written_as_dynamodb(add):
    """moto tells of a write that changes nothing, in an old version of the record, and of another region; DynamoDB does not."""

    def add_change(self, old, new):
        if old is not None and new is not None and old.to_json()["Attributes"] == new.to_json()["Attributes"]:
            return
        add(self, old, new)
        self.items[-1].record |= {"eventVersion": "1.1", "awsRegion": self.table.table_arn.split(":")[3]}

    return add_change


def read_of_table(get_records):
    """A transaction that moto rolls back leaves a copy of the table; a reader of its stream would wait at the old one for ever."""

    def get(self, iterator_arn, limit):
        iterator = self.shard_iterators[iterator_arn]
        iterator.stream_shard = self.dynamodb.get_table(iterator.stream_shard.table.name).stream_shard
        return get_records(self, iterator_arn, limit)

    return get


def copied_to_roll_back(table, memo):
    """moto copies every item of a table for each transaction; those that we send replace items and change none in place."""
    twin = copy.copy(table)
    twin.items = defaultdict(dict, {key: copy.copy(value) for key, value in table.items.items()})
    if table.stream_shard is not None:
        twin.stream_shard = copy.copy(table.stream_shard)
        twin.stream_shard.items = list(table.stream_shard.items)
        twin.stream_shard.table = twin
    return twin


def within_limits(transact_write_items):
    """DynamoDB refuses a transaction whose items have more than 4 MB; moto takes it."""

    def write(self):
        items = [action["Put"]["Item"] for action in self.body["TransactItems"] if "Put" in action]
        if sum(size_of(item) for item in items) > 4 * 1024 * 1024:
            raise MockValidationException("The aggregate size of the items in the transaction cannot exceed 4 MB")
        return transact_write_items(self)

    return write


def size_of(item):
    return sum(len(name.encode()) + len(value.encode()) for name, typed in item.items() for value in typed.values())


def once_a_token(transact_write_items):
    """moto forgets the token of a transaction; DynamoDB carries a repeated one out once and answers as before."""
    carried_out = {}

    def write(self):
        token, items = self.body.get("ClientRequestToken"), json.dumps(self.body["TransactItems"])
        if token and carried_out.get(token) == items:
            return ActionResult({})
        result = transact_write_items(self)
        carried_out[token] = items
        return result

    return write


def created_as_eks(create_cluster):
    """moto forgets how a cluster authenticates; EKS keeps it, CONFIG_MAP unless the request says more, and shows its VPC."""

    def create(self):
        result = create_cluster(self)
        cluster = result.result["cluster"]
        asked = self._get_param("accessConfig") or {}
        cluster.access_config = {"authenticationMode": asked.get("authenticationMode", "CONFIG_MAP")}
        cluster.resources_vpc_config = {
            "vpcId": "vpc-0123456789abcdef0",
            "clusterSecurityGroupId": "sg-0123456789abcdef0",
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            **cluster.resources_vpc_config,
        }
        return result

    return create


def access_entries_of(response):
    """They are the cluster's: a cluster that is deleted takes them along, and one that is made anew has none."""
    cluster = response.eks_backend.describe_cluster(name=response._get_param("name"))
    if getattr(cluster, "access_config", {}).get("authenticationMode") == "CONFIG_MAP":
        raise EksInvalidRequest("The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.")
    return cluster.__dict__.setdefault("_tidegate_access_entries", {})


class EksInvalidRequest(ServiceException):
    code = "InvalidRequestException"


class EksAccessEntryInUse(ServiceException):
    code = "ResourceInUseException"


class EksAccessEntryNotFound(ServiceException):
    code = "ResourceNotFoundException"


def principal_of(response):
    """The ARN in the path holds a slash, which is escaped there."""
    given = response._get_param("principalArn")
    return given or unquote(response.path.split("/access-entries/", 1)[1])


def entry_of(response):
    entry = access_entries_of(response).get(principal_of(response))
    if entry is None:
        raise EksAccessEntryNotFound(f"The specified principalArn could not be found. You can view your available access entries with 'list-access-entries': {principal_of(response)}")
    return entry


def create_access_entry(self):
    """moto has no access entries: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html"""
    entries, principal = access_entries_of(self), self._get_param("principalArn")
    if principal in entries:
        raise EksAccessEntryInUse("The specified access entry resource is already in use on this cluster.")
    entries[principal] = {
        "clusterName": self._get_param("name"),
        "principalArn": principal,
        "kubernetesGroups": self._get_param("kubernetesGroups") or [],
        "username": self._get_param("username") or principal,
        "type": self._get_param("type") or "STANDARD",
    }
    return ActionResult({"accessEntry": entries[principal]})


def describe_access_entry(self):
    return ActionResult({"accessEntry": entry_of(self)})


def update_access_entry(self):
    entry = entry_of(self)
    if self._get_param("kubernetesGroups") is not None:
        entry["kubernetesGroups"] = self._get_param("kubernetesGroups")
    return ActionResult({"accessEntry": entry})


def delete_access_entry(self):
    del access_entries_of(self)[entry_of(self)["principalArn"]]
    return ActionResult({})


def list_access_entries(self):
    return ActionResult({"accessEntries": list(access_entries_of(self))})


def add_access_entries():
    for action in (create_access_entry, describe_access_entry, update_access_entry, delete_access_entry, list_access_entries):
        setattr(EKSResponse, action.__name__, action)
    eks_urls.url_paths["{0}/clusters/(?P<name>[^/]+)/access-entries$"] = EKSResponse.dispatch
    eks_urls.url_paths["{0}/clusters/(?P<name>[^/]+)/access-entries/(?P<principalArn>.+)$"] = EKSResponse.dispatch


class OneWriteAtATime:
    """moto checks a condition and writes in two steps, with other requests in between."""

    def __init__(self, app):
        self.app = app
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return self.app(environ, start_response)
        with self.lock:
            return self.app(environ, start_response)


class Front:
    """What stands before moto: a constant delay, counts per operation, and faults that a test asks for."""

    def __init__(self, app, delay):
        self.app = app
        self.delay = delay
        self.lock = threading.Lock()
        self.counts = Counter()
        self.faults = []

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if path.startswith(CONTROL):
            return self.control(path[len(CONTROL) :], environ, start_response)
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2] or f"{environ['REQUEST_METHOD']} {path}"
        if self.delay:
            time.sleep(self.delay)
        with self.lock:
            self.counts[operation] += 1
            fault = next((fault for fault in self.faults if fault["operation"] == operation and fault["times"] > 0), None)
            if fault and fault.get("after", 0) > 0:
                fault["after"] -= 1
                fault = None
            elif fault:
                fault["times"] -= 1
        if fault is None:
            return self.app(environ, start_response)
        if fault.get("afterwards"):
            for _ in self.app(environ, lambda *_: None):
                pass
        else:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if "HTTP_X_AMZ_TARGET" not in environ:
            error = f"<Error><Code>{fault['code']}</Code><Message>{fault['message']}</Message></Error>"
            if operation == "POST /":
                error = f"<ErrorResponse>{error}</ErrorResponse>"
            if environ["REQUEST_METHOD"] == "HEAD":
                error = ""
            return answer(start_response, fault["status"], error.encode(), "application/xml")
        body = {"__type": fault["code"], "message": fault["message"], **fault.get("fields", {})}
        return answer(start_response, fault["status"], json.dumps(body).encode())

    def control(self, what, environ, start_response):
        if what == "requests":
            with self.lock:
                return answer(start_response, 200, json.dumps(self.counts).encode())
        if what == "faults":
            fault = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
            with self.lock:
                self.faults.append(fault)
            return answer(start_response, 200, b"{}")
        if what == "eks-endpoint":
            asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
            cluster = eks_backends[asked["account"]][asked["region"]].clusters[asked["name"]]
            cluster.endpoint, cluster.certificate_authority = asked["endpoint"], {"data": asked["certificateAuthority"]}
            return answer(start_response, 200, b"{}")
        return answer(start_response, 404, b"{}")


def answer(start_response, status, body, content_type="application/x-amz-json-1.1"):
    start_response(f"{status} -", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


class QuietHandler(MotoRequestHandler):
    def log(self, type, message, *args):
        pass


def leave_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    warnings.simplefilter("ignore")
    port, delay_ms = int(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=leave_with_parent, daemon=True).start()
    EventTemplateParser.parse = staticmethod(whole_event(EventTemplateParser.parse))
    Rule.send_to_targets = unless_disabled(Rule.send_to_targets)
    ECRBackend.put_image = put_image_as_ecr(ECRBackend.put_image)
    ECRResponse.describe_images = paged(ECRResponse.describe_images, "imageDetails")
    ECRResponse.list_images = paged(ECRResponse.list_images, "imageIds")
    DynamoHandler.transact_write_items = once_a_token(within_limits(DynamoHandler.transact_write_items))
    Table.__deepcopy__ = copied_to_roll_back
    EKSResponse.create_cluster = created_as_eks(EKSResponse.create_cluster)
    add_access_entries()
    Queue.add_message = remembered(Queue.add_message)
    Queue.delete_message = delete_as_sqs(Queue.delete_message)
    SQSBackend.receive_message = receive_as_sqs
    StreamShard.add = written_as_dynamodb(StreamShard.add)
    DynamoDBStreamsBackend.get_records = read_of_table(DynamoDBStreamsBackend.get_records)
    front = Front(OneWriteAtATime(DomainDispatcherApplication(create_backend_app)), delay_ms / 1000)
    server = make_server("127.0.0.1", port, front, threaded=True, request_handler=QuietHandler)
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()


main()
