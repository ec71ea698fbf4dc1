using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Aspire.Hosting.Testing")]
[assembly: InternalsVisibleTo("StandIns.Tests")]
