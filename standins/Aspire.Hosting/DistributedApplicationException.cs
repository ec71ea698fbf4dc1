namespace Aspire.Hosting;

/// <summary>The application cannot start or go on; the message says why.</summary>
public class DistributedApplicationException : Exception
{
    public DistributedApplicationException()
    {
    }

    public DistributedApplicationException(string message) : base(message)
    {
    }

    public DistributedApplicationException(string message, Exception inner) : base(message, inner)
    {
    }
}

/// <summary>A parameter has no value.</summary>
public class MissingParameterValueException : DistributedApplicationException
{
    public MissingParameterValueException(string message) : base(message)
    {
    }

    public MissingParameterValueException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
