"""Fetching the bits of an image by HTTP, from where the import filter allows."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx

from monostack.core.config.options import ImportFilter
from monostack.operations import StepError
from monostack.services.image.import_filter import Refused, Source, passing
from monostack.services.image.store import Store

if TYPE_CHECKING:
    from monostack.cloud import Cloud

MAX_REDIRECTS = 10
AT_ONCE = 16
_PATIENCE = httpx.Timeout(60.0, connect=10.0)
_HEADERS = {"accept-encoding": "identity", "user-agent": "monostack"}  # bits are kept, and hashed, as they are


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache(maxsize=8)
def _slots(store: Store) -> asyncio.Semaphore:
    """Of this controller."""
    return asyncio.Semaphore(AT_ONCE)


@asynccontextmanager
async def fetching(cloud: "Cloud", url: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """What is at the URL, as it arrives: not many are fetched at a time, since each takes memory while it is. Raises as `fetch`."""
    async with _slots(Store.of(cloud)), aclosing(fetch(cloud.config.image.import_filter, url)) as bits:
        yield bits


async def fetch(settings: ImportFilter, url: str) -> AsyncGenerator[bytes, None]:
    """What is at the URL, following redirects. Raises StepError, to be retried where the network failed."""
    verify = await asyncio.to_thread(_tls)
    async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=_PATIENCE, headers=_HEADERS) as client:
        for _ in range(MAX_REDIRECTS + 1):
            response = await _get(client, await _source(settings, url))
            try:
                if not response.has_redirect_location:
                    async with aclosing(_bits(response)) as bits:
                        async for block in bits:
                            yield block
                    return
                url = urljoin(url, response.headers["location"])
            finally:
                await response.aclose()
    raise StepError(f"The source redirects more than {MAX_REDIRECTS} times.", kind="source")


async def _source(settings: ImportFilter, url: str) -> Source:
    """Asked at every step, since filters and what names mean may have changed since the request."""
    try:
        return await passing(settings, url)
    except Refused:
        raise StepError(f"URI does not pass filtering: {url}", kind="source") from None


async def _get(client: httpx.AsyncClient, source: Source) -> httpx.Response:
    """The answer of the first address that can be connected to. Its body is still to be read."""
    try:
        wanted = httpx.URL(source.url).copy_with(fragment=None)
    except httpx.InvalidURL:
        raise StepError(f"URI does not pass filtering: {source.url}", kind="source") from None
    name: dict[str, Any] = {"headers": {"host": wanted.netloc.decode()}, "extensions": {"sni_hostname": source.host.rstrip(".")}}
    for address in source.addresses:
        request = client.build_request("GET", wanted.copy_with(host=address, port=source.port), **name)
        try:
            return await client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
        except httpx.HTTPError:
            break
    raise StepError("The source does not answer.", kind="source", retry=True)


async def _bits(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    if response.status_code != 200:
        raise StepError(f"The source answers {response.status_code}.", kind="source", retry=response.status_code >= 500)
    try:
        async for block in response.aiter_raw():
            yield block
    except httpx.HTTPError:
        raise StepError("The source broke off.", kind="source", retry=True) from None
