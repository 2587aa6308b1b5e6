"""A figure of a cohort is drawn once, whatever files are made of it."""

from matplotlib.figure import Figure

from opp_mri.workflow.cohort.cohort_pictures import Picture


def test_page_and_files_share_one_drawing_and_one_rendering() -> None:
    figures: list[Figure] = []

    def draw() -> Figure:
        figures.append(Figure())
        return figures[-1]

    picture = Picture(name="a", title="A", draw=draw, description="Nothing.", lesion_ids=())
    assert picture.svg.startswith("<svg")
    assert picture.render_content(".svg").decode().endswith(picture.svg)
    assert picture.render_content(".svg") is picture.render_content(".svg")
    assert picture.render_content(".pdf").startswith(b"%PDF")
    assert len(figures) == 1
