"""A cohort as files for other programs: the columns are declared once, and each format reads that.

`recorded` and `derived` declare the tables; `csv_text`, `parquet`, `workbook`, `redcap` and `sdtm`
give them as bytes; `deidentify` prepares a cohort that may leave the house. Nothing here touches
the disk: `opp_mri.workflow.cohort.exporting` does.
"""
