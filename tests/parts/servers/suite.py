"""What the conformance suite expects of a server: tools, resources and prompts, with the suite's names and texts.

The suite's required 2025-11-25 scenarios pass without the filter, so failures with the filter are the filter's.
"""

import asyncio
import base64
import json
import warnings

import mcp_types as types
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPDeprecationWarning

# Logging and sampling are deprecated since 2026-07-28 and required by earlier versions.
warnings.simplefilter("ignore", MCPDeprecationWarning)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
WAV = base64.b64encode(
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
    b"\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00\x00\x00"
).decode()

server = MCPServer("everything", version="1.0.0", log_level="WARNING")


def text(words: str) -> types.TextContent:
    return types.TextContent(type="text", text=words)


def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, mime_type: str, words: str) -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return types.EmbeddedResource(type="resource", resource=contents)


# Tools.


@server.tool()
def test_simple_text() -> list[types.TextContent]:
    """Returns a text."""
    return [text("This is a simple text response for testing.")]


@server.tool()
def test_image_content() -> list[types.ImageContent]:
    """Returns an image."""
    return [image()]


@server.tool()
def test_audio_content() -> list[types.AudioContent]:
    """Returns a sound."""
    return [types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[types.EmbeddedResource]:
    """Returns a resource."""
    return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]


@server.tool(structured_output=False)
def test_multiple_content_types() -> list:
    """Returns a text, an image and a resource."""
    resource = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return [text("Multiple content types test:"), image(), resource]


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs three times while it runs."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(0.05)
    await ctx.info("Tool processing data")
    await asyncio.sleep(0.05)
    await ctx.info("Tool execution completed")
    return "logged three times"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Reports progress three times while it runs."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return "progressed to 100"


@server.tool()
def test_error_handling() -> str:
    """Fails."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks the client's model."""
    message = types.SamplingMessage(role="user", content=text(prompt))
    answer = await ctx.session.create_message(
        messages=[message], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {getattr(answer.content, 'text', '')}"


async def ask(ctx: Context, message: str, properties: dict, required: list) -> types.ElicitResult:
    """Show a form to the client's user."""
    schema = {"type": "object", "properties": properties, "required": required}
    return await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks the user for a name and an address."""
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    answer = await ask(ctx, message, fields, ["username", "email"])
    return f"User response: action={answer.action}, content={json.dumps(answer.content)}"


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks with a default for every primitive type."""
    statuses = ["active", "inactive", "pending"]
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": statuses, "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    answer = await ask(ctx, "Please review the defaults", fields, [])
    return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks with every form of enumeration."""
    plain = ["option1", "option2", "option3"]
    values = [(f"value{n}", f"{word} ") for n, word in enumerate(("First", "Second", "Third"), 1)]
    titled = [{"const": value, "title": word + "Option"} for value, word in values]
    choices = [{"const": value, "title": word + "Choice"} for value, word in values]
    names = ["Option One", "Option Two", "Option Three"]
    fields = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": choices}},
    }
    answer = await ask(ctx, "Please choose", fields, [])
    return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"


# Resources, prompts and the rest.


@server.resource("test://static-text", description="A text", mime_type="text/plain")
def static_text() -> str:
    return "This is the content of the static text resource."


@server.resource("test://static-binary", description="An image", mime_type="image/png")
def static_binary() -> bytes:
    return base64.b64decode(PNG)


@server.resource("test://watched-resource", description="A text to subscribe to", mime_type="text/plain")
def watched_resource() -> str:
    return "Watched."


@server.resource("test://template/{id}/data", description="Data by id", mime_type="application/json")
def template(id: str) -> str:
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


@server.prompt()
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def says(content: object) -> dict:
    return {"role": "user", "content": content}


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list:  # the suite's name
    """A prompt with a resource."""
    resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [says(resource), says(text("Please process the embedded resource above."))]


@server.prompt()
def test_prompt_with_image() -> list:
    """A prompt with an image."""
    return [says(image()), says(text("Please analyze the image above."))]


@server.completion()
async def complete(ref: object, argument: types.CompletionArgument, context: object) -> types.Completion:
    words = [word for word in ("paris", "park", "party") if word.startswith(argument.value)]
    return types.Completion(values=words, total=len(words), has_more=False)


def handle(method: str, params: type) -> None:
    """Accept a method for which the high-level server has no decorator, with an empty result."""

    async def accept(_ctx: object, _params: object) -> types.EmptyResult:
        return types.EmptyResult()

    server._lowlevel_server.add_request_handler(method, params, accept)


handle("logging/setLevel", types.SetLevelRequestParams)
handle("resources/subscribe", types.SubscribeRequestParams)
handle("resources/unsubscribe", types.UnsubscribeRequestParams)
