"""axe-core, and the script that asks it what bars people from a page."""

from importlib.resources import files

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()

FOUND = """async (part) => {
    const { violations } = await axe.run(part || document, { resultTypes: ['violations'], preload: false });
    return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} (${one.help})`));
}"""
