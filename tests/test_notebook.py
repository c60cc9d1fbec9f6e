"""The figure for notebooks, and the notebook that is shipped."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from app import notebook
from toy import FieldError, View

SEEN = View(resolution=24)
NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "dimple_lab.ipynb"


@pytest.mark.parametrize("fields", [{}, {"manifold": "line", "labels": "alternating", "codimension": 1}])
def test_a_figure_has_a_frame_a_step_that_draws_that_step(train, fields):
    recording = train(**fields)
    figure = notebook.figure(recording, SEEN, steps=[0, 7, 20])
    assert [frame.name for frame in figure.frames] == ["0", "7", "20"]
    assert [step.label for step in figure.layout.sliders[0].steps] == ["0", "7", "20"]
    assert all(f"step {frame.name} of 20" in frame.layout.title.text for frame in figure.frames)
    first, last = (frame.data[0].z if "z" in frame.data[0] else frame.data[0].y for frame in figure.frames[::2])
    assert not np.array_equal(first, last)
    told = {trace.name for trace in figure.data if trace.showlegend}
    assert {"decision boundary", "class A", "class B", "manifold"} <= told and "flipped within ε" not in told
    assert all(frame.data[at].type == figure.data[index].type for frame in figure.frames
               for at, index in enumerate(frame.traces))
    assert len(notebook.figure(recording, SEEN).frames) == 21  # all there are
    with pytest.raises(FieldError, match="step must be"):
        notebook.figure(recording, SEEN, steps=[21])


def test_the_shipped_notebook_runs(tmp_path):
    shipped = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in shipped.cells)  # shipped without its pictures
    for cell in shipped.cells:
        cell.source = cell.source.replace('".."', repr(str(NOTEBOOK.parents[1]))).replace("=32", "=24")
    done = NotebookClient(shipped, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    drawn = next(data for out in code[2].outputs for name, data in out.data.items() if "plotly" in name)
    assert len(drawn["frames"]) == 9 and drawn["data"][0]["type"] == "mesh3d"
    assert "step 400: sheet offset" in "".join(out.text for out in code[3].outputs)  # may come in pieces
    assert code[4].outputs[0].data["text/plain"] == "True"
