"""One real vLLM for all tests of this folder that ask for it."""

from tests.real_vllm import vllm_url

__all__ = ["vllm_url"]
