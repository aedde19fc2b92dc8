"""An embedded Step Functions: moto's interpreter, with what it leaves out of ecs:runTask.sync and Distributed Map.

moto 5.2.5 does not translate between Step Functions' names (`Cluster`) and boto's (`cluster`), though it has the
functions for it. It lets a task pass whose container ended with another exit code than 0, lets a Map Run pass however
many of its children failed, leaves a task running when its execution is stopped, and does not look at the second
attempt of a task. Here:

- A task with a nonzero exit code is States.TaskFailed, and RunTask's failures are ECS.AmazonECSException.
  Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
- A Map Run with more failures than are tolerated is States.ExceedToleratedFailureThreshold.
  Source: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
- Step Functions calls AWS with the credentials of the state machine's role.
- The seconds before a retry are a hundredth of those in the definition.

Still missing: ItemBatcher, a ResultWriter that writes results, JSONata, RedriveExecution, capacity providers.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.exceptions import ClientError

from tests.lab.aws import EmbeddedAws

_LOOK = 0.05
"""Seconds between two looks at a task."""
_SHORTER = 100
"""By how much the time before a retry is shorter than in AWS."""
_log = logging.getLogger("moto.stepfunctions")


@contextmanager
def step_functions(aws: EmbeddedAws) -> Iterator[None]:
    """Run the state machines of this AWS for real, as long as the context lasts; then stop what still runs."""
    import moto.stepfunctions.responses  # noqa: F401 - imported later, it would keep a changed name
    from moto.core.config import default_user_config

    with ExitStack() as changes:
        changes.enter_context(patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}))
        for target, name, value in (
            *_connection(aws),
            *_names(),
            *_tasks(),
            *_maps(),
            *_numbers(),
            *_stacks(),
            *_times(),
        ):
            changes.enter_context(patch.object(target, name, value))
        _log.setLevel(logging.CRITICAL)  # of each state that fails, moto logs the whole definition
        changes.callback(_log.setLevel, logging.NOTSET)
        try:
            yield
        finally:
            _stop_all()


def _stop_all() -> None:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for account in list(stepfunctions_parser_backends.values()):
        for backend in list(account.values()):
            for execution in backend._get_executions():
                if execution.status == "RUNNING":
                    execution.stop(stop_date=time.time(), error=None, cause=None)


_Change = tuple[Any, str, Any]


def _connection(aws: EmbeddedAws) -> Iterator[_Change]:
    """Send Step Functions' calls to this AWS, with the credentials of the state machine's role."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3 as reader
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
        resource_eval_s3 as writer,
    )

    clients: dict[tuple[str, str, str], Any] = {}

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = state_credentials.role_arn
        key = (region, service, role)
        if key not in clients:
            session = aws.client("sts", region).assume_role(RoleArn=role, RoleSessionName="step-functions")
            clients[key] = aws.client_with(session["Credentials"], service, region)
        return clients[key]

    for module in (reader, writer, _ecs()):
        yield module, "boto_client_for", client_for


def _ecs() -> Any:
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_ecs

    return state_task_service_ecs


@cache
def _operation(name: str) -> Any:
    """Give the model of an operation of ECS, by its name in Python."""
    model = botocore.session.Session().get_service_model("ecs")
    wanted = name.replace("_", "")
    return model.operation_model(next(each for each in model.operation_names if each.lower() == wanted))


def _names() -> Iterator[_Change]:
    """Translate between the names of Step Functions and those of boto3."""
    service = _ecs().StateTaskServiceEcs

    def parameters(self: Any, parameters: Any) -> None:
        self._to_boto_request(parameters, _operation(self._get_boto_service_action()).input_shape)

    def response(self: Any, response: Any, service_action_name: str | None = None) -> None:
        self._from_boto_response(response, _operation(self._get_boto_service_action(service_action_name)).output_shape)

    yield service, "_normalise_parameters", parameters
    yield service, "_normalise_response", response


def _tasks() -> Iterator[_Change]:
    """Fail with RunTask and with the container, and stop the task with the execution."""
    service = _ecs().StateTaskServiceEcs
    wait, resolver, run = service._eval_sync, service._build_sync_resolver, service._eval_service_task

    def run_task(self: Any, env: Any, **more: Any) -> None:
        try:
            run(self, env=env, **more)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            code = "AmazonECSException" if code == "ThrottlingException" else code
            raise _failure(env, f"ECS.{code}", error.response["Error"]["Message"]) from error
        except IndexError:  # moto takes the first task of none
            raise _failure(env, "AmazonECS.Unknown", "RunTask returned failures") from None
        document = json.loads(json.dumps(env.stack.pop(), default=str))
        env.stack.append(document)

    def build(self: Any, env: Any, **more: Any) -> Callable[[], Any]:
        arn = env.stack[-1]["Tasks"][0]["TaskArn"]
        look = resolver(self, env=env, **more)
        ecs = _ecs().boto_client_for(arn.split(":")[3], "ecs", more["state_credentials"])

        def stopped() -> Any:
            task = look()
            if task is None:
                return None
            if any(container.get("ExitCode") != 0 for container in task["Containers"]):
                raise _failure(env, "States.TaskFailed", json.dumps(task, default=str))
            return json.loads(json.dumps(task, default=str))

        stopped.stop = partial(ecs.stop_task, cluster=arn.split("/")[1], task=arn)  # type: ignore[attr-defined]
        return stopped

    def until_stopped(self: Any, env: Any, sync_resolver: Any, **more: Any) -> Any:
        # A second attempt would find the first one's callback interrupted, and time out at once.
        found = wait(self, env=env, sync_resolver=sync_resolver, **{**more, "callback_endpoint": None})
        if not found:
            sync_resolver.stop()
        return found

    yield service, "_eval_service_task", run_task
    yield service, "_build_sync_resolver", build
    yield service, "_eval_sync", until_stopped


def _failure(env: Any, error: str, cause: str) -> Exception:
    """Give the exception that fails a state with this error."""
    from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
    from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
        FailureEvent,
        FailureEventException,
    )
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
    from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType

    known = {each.to_name(): each for each in StatesErrorNameType}
    name = StatesErrorName(typ=known[error]) if error in known else CustomErrorName(error_name=error)
    details = TaskFailedEventDetails(error=error, cause=cause, resource="runTask.sync", resourceType="ecs")
    event: Any = {"taskFailedEventDetails": details}
    kind = HistoryEventType.TaskFailed
    failure = FailureEvent(env=env, error_name=name, event_type=kind, event_details=event)
    raised: Exception = FailureEventException(failure)
    return raised


def _maps() -> Iterator[_Change]:
    """Fail a Map Run that has more failures than are tolerated."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import distributed_iteration_component

    component = distributed_iteration_component.DistributedIterationComponent
    whole = component._map_run

    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        whole(self, env, eval_input)
        counts = eval_input.map_run_record.item_counter.describe()
        failed, total = counts["failed"], max(counts["total"], 1)
        if not env.is_running():  # it was stopped
            return
        share = eval_input.tolerated_failure_percentage
        if failed > eval_input.tolerated_failure_count and failed * 100 > share * total:
            cause = "The specified tolerated failure threshold was exceeded"
            raise _failure(env, "States.ExceedToleratedFailureThreshold", cause)

    yield component, "_map_run", map_run


def _numbers() -> Iterator[_Change]:
    """Accept whole numbers as percentages, which moto's grammar does not."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    plain = AmazonStateLanguageParser.parse

    def parse(definition: str) -> Any:
        return plain(re.sub(r'("ToleratedFailurePercentage":\s*\d+)(?=\s*[,}])', r"\1.0", definition))

    yield AmazonStateLanguageParser, "parse", staticmethod(parse)


def _stacks() -> Iterator[_Change]:
    """Let CloudFormation create state machines where they run, with the DefinitionSubstitutions."""
    from moto.stepfunctions import models
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    machine = models.StateMachine
    create = machine.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def made(cls: Any, resource_name: str, cloudformation_json: Any, *more: Any, **kwargs: Any) -> Any:
        properties = cloudformation_json["Properties"]
        definition = properties["DefinitionString"]
        for name, value in properties.get("DefinitionSubstitutions", {}).items():
            definition = definition.replace(f"${{{name}}}", str(value))
        changed = {**cloudformation_json, "Properties": {**properties, "DefinitionString": definition}}
        return create(cls, resource_name, changed, *more, **kwargs)

    yield models, "stepfunctions_backends", stepfunctions_parser_backends
    yield machine, "create_from_cloudformation_json", classmethod(made)


def _times() -> Iterator[_Change]:
    """Look at tasks more often than moto, and wait less before a retry."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback

    yield state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", _LOOK
    yield retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / _SHORTER))
